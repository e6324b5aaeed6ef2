"""
svg.py -- what drawings have in common: colours and marks that read well on light and on dark paper, and the values of recall that
axes may show.
"""
RECALLS = (.3, .5, .6, .7, .8, .85, .9, .95, .98, .99, .995, .998, .999, .9995, .9999)

STYLE = """
svg { color-scheme: light dark; background: #ffffff; font: 13px system-ui, 'DejaVu Sans', sans-serif; }
text { fill: #24292f; } .faint { fill: #656d76; } .title { font-size: 17px; font-weight: 600; }
.grid { stroke: #d0d7de; stroke-width: 1; } .frame { stroke: #8c959f; stroke-width: 1; fill: none; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.mark { stroke: #ffffff; stroke-width: 1; } .paper { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117; } .paper { fill: #0d1117; } .mark { stroke: #0d1117; }
  text { fill: #e6edf3; } .faint { fill: #9198a1; } .grid { stroke: #30363d; } .frame { stroke: #656d76; }
}
"""

# Colours that stand out on white and on black alike.
COLOURS = {"blue": "#3b82f6", "cyan": "#0ea5b7", "green": "#2aa052", "violet": "#9065e8", "red": "#e5484d",
           "amber": "#d58a0b", "olive": "#8b9a1b", "pink": "#d6569f", "brown": "#a9745b", "grey": "#838b95"}
DASHES = {"solid": "", "dashed": "8 4", "dotted": "2 4"}


def mark(shape, x, y):
    """The element of a marker, without its closing."""
    if shape == "square":
        return f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"'
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5"'
    corners = {"diamond": ((0, -6), (6, 0), (0, 6), (-6, 0)), "triangle": ((0, -5.5), (5.5, 4.5), (-5.5, 4.5)),
               "wedge": ((0, 5.5), (5.5, -4.5), (-5.5, -4.5))}[shape]
    return '<path d="M' + "L".join(f"{x + a:.1f} {y + b:.1f}" for a, b in corners) + 'Z"'


def tag(shape):
    return {"square": "rect", "circle": "circle"}.get(shape, "path")


def below(recall):
    return max([r for r in RECALLS if r <= recall], default=RECALLS[0])
