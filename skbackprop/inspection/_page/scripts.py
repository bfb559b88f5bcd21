"""The two scripts there are. The pages are complete without them."""

# For a record: a slider and a play button replace the ticks.
SLIDER = """
document.querySelectorAll(".skb-track:not([hidden])").forEach((track) => {
  const inputs = [...track.parentElement.querySelectorAll(":scope > input")];
  const slider = document.createElement("input");
  Object.assign(slider, { type: "range", min: 0, max: inputs.length - 1, value: 0 });
  slider.setAttribute("aria-label", "Moment of training");
  const button = document.createElement("button");
  const show = (i) => { inputs[i].checked = true; slider.value = i; };
  let timer = null;
  const stop = () => { clearInterval(timer); timer = null; button.innerText = "Play"; };
  const play = () => {
    let i = slider.value === slider.max ? 0 : Number(slider.value);
    button.innerText = "Stop";
    timer = setInterval(() => {
      show(i); i += 1; if (i === inputs.length) stop();
    }, 250);
  };
  slider.oninput = () => { stop(); show(slider.value); };
  inputs.forEach((input, i) => { input.onchange = () => { stop(); show(i); }; });
  button.onclick = () => { if (timer) stop(); else play(); };
  const bar = document.createElement("div");
  bar.className = "skb-bar";
  bar.append(button, slider);
  track.before(bar);
  track.hidden = true;
  stop();
});
"""

# For the file of a batch: the weight that is chosen in one example stays chosen in the
# others, and in the average.
SAME_WEIGHT = """
const buttons = [...document.querySelectorAll(".skb-r")];
const place = (button) => button.id.split("-").slice(3).join("-");
const choose = (chosen) => buttons.forEach((button) => {
  if (place(button) === place(chosen)) button.checked = true;
});
buttons.forEach((button) => { button.onchange = () => choose(button); });
choose(buttons.find((button) => button.checked));
"""
