# SPDX-License-Identifier: GPL-3.0-or-later
"""What plan.html needs on top of the style of all pages: colours of families, grids, the graph, the calendar, the racks."""

from __future__ import annotations

# Of each family: its colour on light and on dark ground. All have a contrast of 3 to 1 or more to both grounds of their theme.
COLOURS = {
    "edge": ("#0a6272", "#63c6d6"), "web": ("#2a5fa5", "#8ab6f2"), "files": ("#6a5a8c", "#bda9e8"), "database": ("#1b7a4b", "#5fcf93"),
    "cache": ("#b4531a", "#f0975c"), "queue": ("#a0366e", "#ee8fbd"), "jobs": ("#7d6608", "#d8bf56"), "mail": ("#46587a", "#9db2d8"),
    "containers": ("#2b7f86", "#74c9c1"), "other": ("#66727a", "#9fadb6"),
}  # fmt: skip
FAMILIES = "".join(
    f"svg rect.fam-{name}, svg circle.fam-{name} {{ fill: var(--fam-{name}); stroke: none; }} svg path.fam-{name} {{ stroke: var(--fam-{name}); }} "
    f".legend i.fam-{name} {{ background: var(--fam-{name}); }}\n"
    for name in COLOURS
)
LIGHT, DARK = ("; ".join(f"--fam-{name}: {pair[place]}" for name, pair in COLOURS.items()) for place in (0, 1))

STYLE = f"""
:root {{ {LIGHT}; }}
@media (prefers-color-scheme: dark) {{ :root {{ {DARK}; }} }}
@media print {{ :root {{ {LIGHT}; }} }}
{FAMILIES}""" + """
.drawing { padding: .5rem; } .drawing svg { min-width: 720px; width: 100%; height: auto; }
svg .frame { fill: var(--sunk); stroke: var(--line); } svg .guestbox { fill: var(--surface); stroke: var(--accent); }
svg .way { fill: none; stroke-width: 2; opacity: .6; } svg .way.ring { stroke: var(--bad); stroke-width: 2.5; opacity: 1; }
svg .way.beyond { stroke: var(--muted); stroke-dasharray: 5 4; }
svg .tip { fill: var(--muted); } svg .dot { fill: var(--accent); }
svg .halo { paint-order: stroke; stroke: var(--surface); stroke-width: 4px; }
svg text.in { fill: var(--surface); font-weight: 700; font-size: 11px; } svg text.small { font-size: 11px; } svg text.big { font-size: 14px; }
.meter { display: inline-block; width: 11rem; height: .6rem; margin-right: .6rem; border-radius: 9px; background: var(--sunk); overflow: hidden;
  vertical-align: .05em; }
.meter i { display: block; height: 100%; background: var(--accent); min-width: 2px; }
.wave { display: inline-block; min-width: 1.9em; padding: 0 .4em; text-align: center; border-radius: 999px; font-weight: 700; font-size: .82rem;
  background: var(--accent); color: var(--surface); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
[hidden] { display: none !important; }

.figures { grid-template-columns: repeat(auto-fit, minmax(148px, 1fr)); } .hero ul { max-width: none; }

/* Controls */
.controls { display: flex; flex-wrap: wrap; gap: .5rem .9rem; align-items: center; margin: 0 0 .8rem; font-size: .875rem; color: var(--muted); }
.controls select, .controls input, .controls button, .pager button { font: inherit; color: var(--ink); background: var(--surface);
  border: 1px solid color-mix(in srgb, var(--muted) 45%, var(--line)); border-radius: 8px; padding: .3rem .55rem; min-height: 2.1rem; }
.controls select { max-width: 13rem; } .controls input[type=search] { width: 13rem; max-width: 60vw; }
.controls input[type=range] { width: 9rem; padding: 0;
  vertical-align: middle; accent-color: var(--accent); } .controls input[type=checkbox] { min-height: 0; accent-color: var(--accent); }
.controls button, .pager button { cursor: pointer; }
.controls button:hover, .pager button:hover:not(:disabled) { border-color: var(--accent); color: var(--accent); }
.controls .count { margin-left: auto; }
.pager { display: flex; flex-wrap: wrap; gap: .5rem .7rem; align-items: center; margin: .8rem 0 0; }
.pager button:disabled { opacity: .45; cursor: default; }
.grid > .note:empty, .note:empty { display: none; } .note { margin: .6rem 0 0; }

/* Grids */
.grid button.sort { all: unset; cursor: pointer; font: inherit; color: inherit; }
.grid button.sort:focus-visible { outline: 3px solid var(--accent); }
.grid button.sort:hover { color: var(--accent); } .grid th { white-space: nowrap; } .grid td { overflow-wrap: break-word; }
.grid th button.sort::after { content: "\\2195"; margin-left: .3em; opacity: .35; }
.grid th[aria-sort=ascending] button.sort::after { content: "\\2191"; opacity: 1; color: var(--accent); }
.grid th[aria-sort=descending] button.sort::after { content: "\\2193"; opacity: 1; color: var(--accent); }
.grid tbody tr > td { border-bottom: 0; border-top: 1px solid var(--line); } .grid thead th { border-bottom: 0; }
.grid tr.detail > td { border-top: 0; padding: 0 0 .7rem; }
.grid td:first-child:has(> .more) { padding-left: 1.5em; text-indent: -1.5em; } .grid td:first-child > * { text-indent: 0; }
.grid td:first-child > strong { text-indent: inherit; }
#grid-waves td:nth-child(5) { min-width: 14rem; } .grid td.number { white-space: nowrap; }
.grid button.more { all: unset; text-indent: 0; cursor: pointer; display: inline-block; width: 1.1em; margin-right: .35em; font-family: var(--mono);
  color: var(--muted);
  text-align: center; border-radius: 4px; } .grid button.more::before { content: "+"; }
  .grid button.more[aria-expanded=true]::before { content: "\\2212"; }
.grid button.more:hover { color: var(--accent); } .grid button.more:focus-visible { outline: 3px solid var(--accent); }
.grid tbody:hover > tr:first-child { background: color-mix(in srgb, var(--sunk) 60%, transparent); }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 260px), 1fr)); gap: .5rem; }
.sides > div { background: var(--sunk); border-radius: 8px; padding: .45rem .75rem; }
.sides h4 { margin: 0; font-size: .78rem; color: var(--muted); font-weight: 600; }
.sides p { margin: .1rem 0 0; font-size: .88rem; overflow-wrap: anywhere; }
.bullet { display: inline-flex; align-items: center; gap: .5rem; white-space: nowrap; } .bullet svg { flex: none; overflow: visible; }
svg .observed { fill: var(--accent); opacity: .45; } svg .tick { fill: var(--accent); } svg .peak { fill: var(--muted); }
svg .chosen { fill: var(--ink); } svg .chosen.over { fill: var(--bad); } .bullet .small b { color: var(--ink); }
.bullet .small { color: var(--muted); }

/* The graph */
.graph .canvas { position: relative; height: min(34rem, 75vh); border: 1px solid var(--line); border-radius: 10px; overflow: hidden;
  background: var(--ground); }
.graph .canvas > svg { width: 100%; height: 100%; max-width: none; } .graph .stage { cursor: grab; touch-action: pan-y; user-select: none; }
.graph .stage:active { cursor: grabbing; } .graph .stage:focus, .graph .stage:focus-within { touch-action: none; }
.graph .stage:focus-visible { outline: 3px solid var(--accent); outline-offset: -3px; }
.told { min-height: 2.6em; margin: .5rem 0 0; }
.node { cursor: pointer; } .node .box { stroke: color-mix(in srgb, var(--muted) 40%, var(--line)); } .node.beyond { cursor: default; }
.node.beyond .box { fill: var(--sunk); stroke-dasharray: 5 4; } .node:focus { outline: none; }
.node:focus .box:not(.under), .node.lit .box:not(.under),
.node.middle .box { stroke: var(--accent); stroke-width: 2.5; } .dim .way { opacity: .12; } .dim .halo { opacity: .15; }
.dim .way.lit { opacity: 1; } .dim .halo.lit { opacity: 1; }
.rings ul { margin: 0; padding-left: 1.1rem; columns: 2 22rem; }
button.link { all: unset; cursor: pointer; color: var(--accent); text-decoration: underline;
  text-underline-offset: .15em; overflow-wrap: anywhere; }
  button.link:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }

/* Racks and nodes */
.estate h3:first-of-type { margin-top: .2rem; } svg.cells:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
svg .cell.off { opacity: .16; } svg .cell.faint { opacity: .13; }
svg rect.cell.hit, svg rect.cell.lit { stroke: var(--ink); stroke-width: 2; opacity: 1; }
svg rect.grave-bad { fill: var(--bad); } svg rect.grave-warn { fill: var(--warn); } svg rect.grave-info { fill: var(--info); opacity: .6; }
svg rect.grave-fine { fill: var(--muted); opacity: .35; }
.hover { position: fixed; z-index: 8; max-width: min(24rem, 92vw); pointer-events: none; box-shadow: 0 6px 28px rgb(0 0 0 / 28%);
  padding: .6rem .85rem; }

/* The calendar */
.months { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 345px), 1fr)); gap: .75rem; }
.month { padding: .7rem .8rem; } .month + .month { margin-top: 0; } .month table { table-layout: fixed; }
.month caption { font-weight: 600; color: var(--ink); }
.month th { text-align: center; padding: .15rem 0; border: 0; font-size: .74rem; }
.month td { height: 3.1rem; padding: .1rem; border: 1px solid var(--line); text-align: center; font-size: .8rem; }
.month td.out { border-color: transparent; } .month td.weekend { background: color-mix(in srgb, var(--sunk) 70%, transparent); }
.month td.frozen { background: repeating-linear-gradient(135deg, var(--sunk) 0 5px, var(--surface) 5px 10px); }
.month .frozen .small { font-size: .66rem; color: var(--muted); }
.month tbody tr:last-child > td:not(.out) { border-bottom: 1px solid var(--line); }
.day { display: block; text-align: right; color: var(--muted); font-size: .7rem; line-height: 1.1; padding-right: .15rem; }
.pill { display: block; margin: .1rem 0 0; padding: .1rem .1rem .15rem; border-radius: 6px; background: var(--accent); color: var(--surface);
  text-decoration: none; line-height: 1.15;
  print-color-adjust: exact; -webkit-print-color-adjust: exact; } .pill:hover { outline: 2px solid var(--accent); outline-offset: 1px; }
.pill .when { display: block; font-size: .6rem; } .pill.canary { background: var(--warn); }
.sequence { display: flex; flex-wrap: wrap; gap: .4rem; list-style: none; margin: 0; }
.sequence .pill { min-width: 4.6rem; text-align: center; padding: .3rem .5rem; }
.sequence .pill .when { font-size: .74rem; } .sequence li:not(:last-child)::after { content: ""; }

/* Savings */
.scales { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); gap: .4rem 2rem; }
.scale h3 { margin: .4rem 0 .3rem; }
.scale h3 small { font-weight: 600; color: var(--good); }
.beam { display: grid; grid-template-columns: 3.4rem 1fr 6.2rem; gap: .6rem; align-items: center; font-size: .875rem;
  color: var(--muted); margin: .2rem 0; } .beam b { color: var(--ink); font-variant-numeric: tabular-nums; text-align: right; }
.track { position: relative; height: 1rem; border-radius: 4px; background: var(--sunk); }
.track i { position: absolute; inset: 0 auto 0 0; border-radius: 4px; }
.track .was { background: color-mix(in srgb, var(--muted) 60%, transparent); } .track .will { background: var(--good); }
.track .goal { width: 0; border-left: 2px dashed var(--bad); border-radius: 0; inset: -.2rem auto -.2rem auto; }
svg .was { fill: var(--muted); opacity: .6; } svg .will { fill: var(--good); opacity: .9; } svg .underway { fill: var(--accent); opacity: .75; }
.card > h3:first-child { margin-top: .1rem; }
.verdict { margin: .8rem 0 0; padding: .5rem .8rem; border-radius: 8px; background: var(--sunk); } .verdict.good { background: var(--good-soft); }
.verdict.bad { background: var(--bad-soft); }
.verdict.good strong { color: var(--good); } .verdict.bad strong { color: var(--bad); }
section { content-visibility: auto; contain-intrinsic-size: auto 60rem; margin-inline: -1.25rem; padding-inline: 1.25rem; padding-bottom: .5rem; }
section > .card + details.card, section > details.card + details.card { margin-top: .75rem; } section > p.small { margin: .6rem 0; }

@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } .cell { transition: opacity .15s; }
.way { transition: opacity .12s; } }
@media (max-width: 640px) {
  .grid table, .grid tbody, .grid tr, .grid td { display: block; width: auto; } .grid thead { position: absolute; left: -999px; }
  .grid caption { display: block; }
  .grid tbody { padding: .55rem 0; border-top: 1px solid var(--line); } .grid tbody tr > td { border: 0; padding: .1rem 0; text-align: left; }
  .grid tr:not(.detail) > td { display: grid; grid-template-columns: 6.4rem 1fr; gap: .5rem; align-items: baseline; }
  .grid tr:not(.detail) > td::before { content: attr(data-label);
    color: var(--muted); font-size: .8rem; } .grid tr:not(.detail) > td:first-child { display: block; }
    .grid tr:not(.detail) > td:first-child::before { content: none; }
  .grid tr.detail > td { padding: .3rem 0 .2rem; } .grid tbody tr > td > .badge, .grid tbody tr > td > .wave { justify-self: start; }
  .controls { display: grid; grid-template-columns: 1fr 1fr; align-items: end; }
  .controls select, .controls input:not([type=checkbox]) { display: block; width: 100%;
    max-width: none; } .controls .count { margin: 0; } .graph .controls { grid-template-columns: repeat(4, 1fr); }
    .graph .controls label { grid-column: span 2; } .pill .when { display: none; } .beam { grid-template-columns: 3.2rem 1fr 5.4rem; gap: .4rem; }
  .graph .canvas { height: 26rem; }
}
@media print {
  section { content-visibility: visible; }
  .controls, .pager, .told, .hover, button.more { display: none !important; } tr.detail[hidden] { display: table-row !important; }
  .graph .canvas { height: auto; border: 0; background: none; } .graph .canvas > svg { height: auto; max-height: 240mm; }
  html { font-size: 70%; } .grid table { font-size: 8pt; } .grid th, .grid td { padding-right: .5rem; } .grid .badge { font-size: 7.5pt; }
  .grid th, .grid td { overflow-wrap: normal; } .grid td:first-child { padding-left: 0 !important; text-indent: 0 !important; }
  .grid .nowrap { white-space: normal; } #grid-waves td:nth-child(5) { min-width: 0; } .grid caption, .grid .sides p { font-size: 8pt; }
  .sides { grid-template-columns: repeat(auto-fit, minmax(52mm, 1fr)); } .grid td code { overflow-wrap: anywhere; }
  .pill .when { font-size: 6pt; } .grid button.sort::after { content: none !important; } .grid th { white-space: normal; }
  .grid tbody { break-inside: avoid; }
  .card.grid, details.card { break-inside: auto; } .scroll { overflow: visible; } .drawing svg, .scroll svg { min-width: 0 !important; }
  .months { grid-template-columns: 1fr 1fr; } .month td { height: 2.4rem; } .bullet svg { width: 62px; } .bullet { gap: .3rem; }
  thead { display: table-header-group; }
  .track, .track i, .meter, .meter i, .verdict { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
STYLE = STYLE.strip()
