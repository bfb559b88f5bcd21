"""The page of a trace, in the order of the lesson: forward, cost, back, update.

It is HTML that needs no scripts. A reader chooses an example or a weight with a radio
button, and the style sheet shows what belongs to the chosen one. So it works in every
notebook, and with the keyboard. Text takes the colour of its surroundings and
backgrounds are translucent, so the page is legible in light and in dark mode.
"""
