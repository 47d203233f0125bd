import { palette, zoneColours } from './palette.ts'

const zones = zoneColours.map((colour, zone) => `.z${zone}{fill:${colour}}`).join('')
const parts = Object.entries(palette).map(
  ([name, colour]) => `.${name}{fill:${colour}}.line.${name},.ring .${name}{fill:none;stroke:${colour}}`,
)

export const style = `
:root{color-scheme:light dark;--paper:#fbfaf8;--card:#fff;--ink:#1d2430;--soft:#5a6474;--rule:#e5e3de;--empty:#ebe9e4;--band:#12a59426;--band2:#e0567a22;--need:#a86a00;--focus:#3b8be0}
@media screen and (prefers-color-scheme:dark){:root{--paper:#12161c;--card:#1a1f27;--ink:#e8eaee;--soft:#a3acba;--rule:#2c333d;--empty:#262d37;--band:#12a59433;--band2:#e0567a30;--need:#f2b84b}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif;font-variant-numeric:tabular-nums lining-nums;-webkit-font-smoothing:antialiased}
main,header,footer{max-width:1120px;margin:0 auto;padding:0 20px}
header{padding-top:44px}
h1,h2,.lead,figcaption p{font-family:Charter,"Bitstream Charter","Iowan Old Style","Source Serif 4",Georgia,"Noto Serif",serif;text-wrap:balance}
h1{font-size:clamp(30px,4.6vw,44px);line-height:1.12;letter-spacing:-.015em;font-weight:600;margin:0;overflow-wrap:anywhere}
.lead{color:var(--soft);font-size:18px;margin:8px 0 0}
h2{font-size:24px;line-height:1.2;font-weight:600;letter-spacing:-.01em;margin:56px 0 16px}
h3{font-size:13px;font-weight:600;margin:0;color:var(--soft)}
.card{background:var(--card);border:1px solid var(--rule);border-radius:14px;padding:20px;margin:0;min-width:0}
.today{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:16px;margin-top:28px}
.hero{display:flex;gap:20px;align-items:center}
.ring{width:112px;flex:none}
.ring circle{fill:none;stroke-width:11}
.ring .track{stroke:var(--empty)}
.ring .arc{stroke-linecap:round}
.big{font-size:38px;line-height:1.1;font-weight:600;letter-spacing:-.02em;margin:2px 0}
.big small{font-size:18px;font-weight:500;color:var(--soft);letter-spacing:0;margin-left:3px}
.note{color:var(--soft);font-size:14px;line-height:1.4;margin:0}
.vitals{display:grid;grid-template-columns:repeat(5,minmax(0,1fr));margin-top:16px}.card.vitals{padding:0}
.vitals>div{padding:18px 20px;border-left:1px solid var(--rule)}
.vitals>div:first-child{border-left:0}
.vitals .value{font-size:24px;font-weight:600;line-height:1.25;margin:2px 0}
.vitals .value small{font-size:14px;font-weight:500;color:var(--soft);margin-left:2px}
.grid2{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:16px}
.grid3{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:16px}
.stack{display:grid;gap:16px}
figcaption p{font-size:18px;line-height:1.38;margin:4px 0 0}
.readout{min-height:21px;color:var(--soft);font-size:14px;margin:8px 0 12px;line-height:21px}
.readout b{color:var(--ink);font-weight:600}
.chart{display:flex;outline-offset:6px;border-radius:4px;touch-action:pan-y}
.chart .ys{flex:none}
.chart .plot{flex:1;min-width:0;width:100%;overflow:visible;display:block}
.chart text,.months text{fill:var(--soft);font-size:11.5px}
.ys text{text-anchor:end}
.grid{stroke:var(--rule);fill:none;vector-effect:non-scaling-stroke}
.line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round;vector-effect:non-scaling-stroke}
.line.thin{stroke-width:1.25;opacity:.85}
.cursor{display:none;stroke:var(--ink);stroke-width:1}.cursor.on{display:inline}
.line.norm{fill:none;stroke:var(--soft);stroke-dasharray:3 4;stroke-width:1.5}
.wanted{fill:var(--need)}.line.wanted{fill:none;stroke:var(--need);stroke-linecap:butt;stroke-width:2}
.band{fill:var(--band)}.band2{fill:var(--band2)}
${parts.join('')}${zones}
.line.quiet{stroke:var(--soft)}
.grid2>.card,.grid3>.card{grid-row:span 4}.grid2>figure,.grid3>figure{display:grid;grid-template-rows:subgrid;row-gap:0}
.faint{fill:${palette.strain};opacity:.35}
.nothing{fill:var(--empty)}
.s1{fill:${palette.strain};opacity:.25}.s2{fill:${palette.strain};opacity:.5}.s3{fill:${palette.strain};opacity:.75}.s4{fill:${palette.strain}}
.calendar{outline-offset:6px;border-radius:4px}
.calendar svg{display:block;width:100%}
.mark{display:none;fill:none;stroke:var(--ink);stroke-width:1.4}.mark.on{display:inline}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;list-style:none;margin:12px 0 0;padding:0;color:var(--soft);font-size:13px}
.legend svg{width:12px;height:12px;margin-right:6px;vertical-align:-1px}
.scroll{overflow-x:auto;outline-offset:3px}
table{border-collapse:collapse;width:100%;font-size:14px}
caption{text-align:left;position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden;white-space:nowrap}
th,td{padding:7px 12px 7px 0;border-bottom:1px solid var(--rule);text-align:right;white-space:nowrap;font-weight:400}
th:first-child{text-align:left}
thead th{color:var(--soft);font-size:13px}
tbody tr:last-child>*{border-bottom:0}
.sports td:last-child{width:40%;min-width:90px}
.wrap th:first-child,.sports th:first-child{white-space:normal;overflow-wrap:anywhere;min-width:110px}
details{margin-top:40px}
summary{cursor:pointer;font-weight:600;padding:12px 0}
footer{color:var(--soft);font-size:14px;padding-top:40px;padding-bottom:56px}
footer p{margin:0 0 6px;max-width:72ch}
:focus-visible{outline:2px solid var(--focus)}
@media (max-width:860px){.grid2{grid-template-columns:minmax(0,1fr)}.hero{flex-direction:column;align-items:flex-start;gap:12px}.vitals>div{padding:16px 14px}}
@media (max-width:700px){.grid3{grid-template-columns:minmax(0,1fr)}.grid3 .calendar{max-width:360px}.vitals{grid-template-columns:repeat(2,minmax(0,1fr))}.vitals>div{border-left:0;border-top:1px solid var(--rule);padding:14px 16px}.vitals>div:nth-child(-n+2){border-top:0}.vitals>div:last-child{grid-column:1/-1}}
@media (max-width:620px){.today{grid-template-columns:minmax(0,1fr)}.hero{flex-direction:row;align-items:center}.ring{width:96px}header{padding-top:28px}main,header,footer{padding-left:16px;padding-right:16px}.card{padding:16px}.card.vitals{padding:0}h2{margin-top:44px}}
@media (max-width:480px){.sports tr>:last-child{display:none}}
@media print{.sports tr>:last-child{display:none}th,td{padding:5px 8px 5px 0;font-size:11px}@page{margin:14mm}body{background:#fff;font-size:12px}.card{break-inside:avoid;border-color:#ddd}h2{break-after:avoid;margin-top:28px}header{padding-top:0}.scroll{overflow:visible}details:not([open]){display:none}main,header,footer{max-width:none;padding-left:0;padding-right:0}.today{grid-template-columns:repeat(3,minmax(0,1fr))}.grid2{grid-template-columns:repeat(2,minmax(0,1fr))}.grid3{grid-template-columns:repeat(3,minmax(0,1fr))}.vitals{grid-template-columns:repeat(5,minmax(0,1fr))}.vitals>div{border-top:0;padding:12px}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`
