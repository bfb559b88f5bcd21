"""The page of a trace, in the order of the lesson: forward, cost, back, update.

It is HTML without scripts. What a reader chooses, an example or a weight, is a radio
button, and the style sheet shows what belongs to the chosen one. So it works in every
notebook, and by the keyboard. Text has the colour of its surroundings and grounds are
translucent, so the page is legible in light and in dark.
"""
