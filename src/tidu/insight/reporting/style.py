"""The look of pages: type, tables, code and figures for a telephone, a screen and paper."""

STYLE = """
:root { color-scheme: light; --ink: #1d2430; --soft: #667080; --rule: #d9dee6; --wash: #f5f7fa; --accent: #2868b0;
  --bad: #b3261e; --good: #2c7a43; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink); line-height: 1.55;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei",
    "Noto Sans CJK SC", sans-serif; }
main { max-width: 56rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 .6rem; padding-top: .8rem; border-top: 1px solid var(--rule); }
h3 { font-size: 1.05rem; margin: 1.8rem 0 .5rem; }
p { margin: .5rem 0; }
.lead, .faint, figcaption, caption { color: var(--soft); }
.wide { overflow-x: auto; margin: .6rem 0; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; color: var(--ink); }
th { color: var(--soft); font-weight: 500; border-bottom: 1px solid var(--rule); }
th, td { padding: .22rem 1.1rem .22rem 0; text-align: right; vertical-align: baseline; white-space: nowrap; }
th.left, td.left { text-align: left; }
td.prose { white-space: normal; min-width: 13rem; font-size: .86rem; }
tbody tr + tr td { border-top: 1px solid var(--wash); }
td math { math-style: normal; }
.mathematics td { border: 0; padding: .3rem .35rem .3rem 0; vertical-align: middle; }
.mathematics math { font-size: 1.12rem; display: inline math; math-style: normal; }
.group th { color: var(--ink); font-weight: 600; padding-top: .9rem; border-bottom-color: var(--rule); }
math { font-family: "STIX Two Math", "Latin Modern Math", "Cambria Math", "Libertinus Math", math; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: .8rem 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; white-space: pre-wrap; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", "Noto Sans Mono CJK SC",
  monospace; font-size: .86rem; }
pre { background: var(--wash); padding: .8rem 1rem; border-radius: 6px; overflow-x: auto; line-height: 1.45; }
.numbered { padding-left: .5rem; }
.line { display: block; min-height: 1.45em; }
.line:target { background: #fff1b8; }
.number { display: inline-block; width: 2.6em; padding-right: 1em; text-align: right; color: var(--soft);
  user-select: none; }
a { color: var(--accent); }
figure { margin: 1rem 0; }
img { max-width: 100%; height: auto; display: block; }
figcaption { font-size: .88rem; margin-top: .3rem; }
ul { list-style: none; padding: 0; margin: .6rem 0; }
li { padding-left: 1.4rem; position: relative; margin: .35rem 0; }
li::before { content: "·"; position: absolute; left: .3rem; color: var(--soft); font-weight: 700; }
li.bad::before { content: "!"; color: var(--bad); }
li.good::before { content: "✓"; color: var(--good); }
.remark { border-left: 3px solid #d9a400; background: #fffaf0; padding: .4rem .8rem; }
.remark.bad { border-color: var(--bad); background: #fdf3f2; }
.blank { border-bottom: 1px solid var(--ink); }
@media (max-width: 40rem) {
  main { padding: 1rem .8rem 3rem; }
  h1 { font-size: 1.35rem; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .5rem; }
  .steps thead { display: none; }
  .steps tr { display: grid; grid-template-columns: 2.6rem 1fr; border-bottom: 1px solid var(--wash); }
  .steps .prose { grid-column: 2; min-width: 0; padding-top: 0; }
  .steps td { border: 0; overflow-x: auto; }
  .group th { grid-column: 1 / 3; white-space: normal; }
  .numbered code { font-size: .78rem; }
}
@media print {
  @page { margin: 16mm 14mm; }
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  h2 { break-after: avoid; }
  h3, caption { break-after: avoid; }
  figure, tr, dl { break-inside: avoid; }
  table { font-size: 8.6pt; }
  th, td { white-space: normal; overflow-wrap: anywhere; padding-right: .7rem; }
  td:first-child, .steps td { white-space: nowrap; }
  .steps td.prose { white-space: normal; min-width: 7rem; font-size: 7.8pt; }
  .steps math { font-size: 8.6pt; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 8pt; background: none; padding: 0; }
  .wide { overflow: visible; }
  .own-page { break-before: page; }
  a { color: inherit; text-decoration: none; }
  img { max-height: 120mm; width: auto; }
}
"""
