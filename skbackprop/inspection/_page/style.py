"""The style sheet of a page, for light and for dark backgrounds."""

from .._layout import DA_DZ, DC_DA, DZ_DW

STYLE = f"""
.skb {{ --skb-ground: var(--jp-layout-color0, var(--vscode-editor-background,
  var(--color-background-primary, Canvas)));
  --skb-ink: var(--jp-content-font-color0, var(--vscode-editor-foreground,
  var(--color-foreground-primary, CanvasText)));
  font: 14px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial,
  "DejaVu Sans", sans-serif; max-width: 1080px; text-align: left; }}
.skb h2 {{ font-size: 21px; margin: 12px 0 6px; font-weight: 650; }}
.skb h3 {{ font-size: 17px; margin: 30px 0 6px; font-weight: 650; }}
.skb h4 {{ font-size: 14px; margin: 20px 0 4px; font-weight: 650; }}
.skb p {{ margin: 6px 0; max-width: 88ch; overflow-wrap: anywhere; }}
.skb sub, .skb sup {{ font-size: 75%; line-height: 0; }}
.skb .skb-chip {{ display: inline-block; margin: 2px 8px 6px 0; padding: 1px 10px;
  border-radius: 12px; background: rgba(128,128,128,.16); }}
.skb .skb-eqs {{ margin: 6px 0 10px; padding-left: 14px; line-height: 1.9;
  border-left: 3px solid rgba(128,128,128,.35);
  font-variant-numeric: tabular-nums; }}
.skb .skb-eqs > div {{ padding-left: 24px; text-indent: -24px; }}
.skb .skb-law {{ font: italic 16px/1.6 Cambria, Georgia, "DejaVu Serif", serif; }}
.skb .skb-wide, .skb .skb-eqs {{ overflow-x: auto; padding-right: 30px;
  mask-image: linear-gradient(to left, transparent, #000 30px); }}
.skb .skb-wide {{ margin: 8px 0; }}
.skb table {{ border-collapse: separate; border-spacing: 2px; margin: 0;
  font-variant-numeric: tabular-nums; border: none; font-size: 13px; }}
.skb th, .skb td {{ padding: 3px 7px; text-align: right; border: none;
  border-radius: 3px; white-space: nowrap; background: none; color: inherit; }}
.skb .skb-sum {{ white-space: normal; min-width: 14ch; }}
.skb th {{ font-weight: 600; }}
.skb table tr {{ background: transparent !important; }}
.skb thead th:first-child, .skb tbody th {{ text-align: left !important; }}
.skb tbody th {{ font-weight: 500; position: sticky; left: 0;
  background: var(--skb-ground); color: var(--skb-ink); }}
.skb .skb-caption {{ margin: 12px 0 -6px; }}
.skb small {{ display: block; font-size: 11.5px; }}
.skb td .skb-eq small {{ color: inherit; white-space: normal; }}
.skb summary {{ cursor: pointer; }}
.skb .skb-cut {{ font-style: italic; font-size: 13px; }}
.skb .skb-dC-da, .skb .skb-da-dz, .skb .skb-dz-dw {{ color: #fff; font-style: normal;
  padding: 1px 6px; border-radius: 9px; white-space: nowrap; }}
.skb .skb-dC-da {{ background: {DC_DA}; }}
.skb .skb-da-dz {{ background: {DA_DZ}; }}
.skb .skb-dz-dw {{ background: {DZ_DW}; }}
.skb .skb-pic {{ position: relative; max-width: 100%; }}
.skb svg {{ display: block; width: 100%; height: 100%; }}
.skb svg text {{ fill: currentColor; font-size: 12px; }}
@media (max-width: 600px) {{ .skb svg text {{ font-size: 17px; }}
  .skb svg text.skb-h {{ font-size: 17px; }}
  .skb svg text.skb-j {{ font-size: 14px; }} }}
.skb svg .skb-h {{ font-size: 13px; font-weight: 650; }}
.skb svg .skb-j {{ font-size: 11px; }}
.skb svg .skb-d {{ font-weight: 600; }}
.skb .skb-key {{ display: inline-block; width: 22px; height: 5px; border-radius: 2px;
  margin: 0 5px 3px 0; vertical-align: middle; }}
.skb label {{ cursor: pointer; color: inherit; }}
.skb td label, .skb th label {{ border-bottom: 1px dotted; display: inline-block;
  border-radius: 3px; text-indent: 0; }}
.skb td label:hover, .skb th label:hover {{ background: rgba(128,128,128,.35); }}
.skb label.skb-hit {{ position: absolute; min-height: 5px; transform-origin: 0 0;
  border-radius: 6px; border: 2px solid; box-sizing: border-box;
  opacity: var(--skb-chosen, 0); }}
.skb label.skb-disc {{ position: absolute; aspect-ratio: 1; border-radius: 50%;
  border: 3px solid; box-sizing: border-box; opacity: var(--skb-chosen, 0); }}
.skb label.skb-hit, .skb label.skb-disc {{ box-shadow: none !important; }}
.skb label.skb-hit:hover, .skb label.skb-disc:hover {{ opacity: .4; }}
.skb .skb-rules {{ position: relative; margin: 10px 0; padding: 8px 14px;
  border: 1px solid rgba(128,128,128,.5); border-radius: 8px; min-height: 268px; }}
@media (min-width: 700px) and (min-height: 560px) {{ .skb .skb-rules {{
  position: sticky; top: 0; z-index: 1; max-height: 46vh; overflow: auto;
  background: var(--skb-ground); color: var(--skb-ink); }} }}
.skb .skb-r {{ position: absolute; inset: 0; width: 100%; height: 60px; margin: 0;
  opacity: 0; pointer-events: none; }}
.skb .skb-group {{ display: flex; flex-direction: column; }}
.skb .skb-name {{ order: -2; }}
.skb .skb-shared {{ order: -1; }}
.skb .skb-name, .skb .skb-rule, .skb .skb-shared {{ display: none; }}
.skb .skb-r:checked + .skb-name, .skb .skb-r:checked + .skb-name + .skb-rule,
.skb .skb-r:checked ~ .skb-shared {{ display: block; }}
.skb .skb-rules:focus-within {{ outline: 2px solid; }}
.skb .skb-views {{ position: relative; }}
.skb .skb-views > input {{ position: absolute; opacity: 0; pointer-events: none; }}
.skb .skb-tabs label {{ display: inline-block; margin: 2px 6px 6px 0; padding: 1px 10px;
  border: 1px solid rgba(128,128,128,.5); border-radius: 12px; }}
.skb .skb-view {{ display: none; }}
.skb .skb-bar {{ display: flex; gap: 10px; max-width: 640px; margin: 8px 0; }}
.skb .skb-bar input {{ flex: 1; min-width: 0; }}
/* A long page scrolls within a frame, so that the chain rule stays in sight. */
@media (min-width: 700px) {{ .skb.skb-frame {{ max-height: 92vh; overflow: auto;
  padding: 0 16px; border: 1px solid rgba(128,128,128,.4); border-radius: 8px; }} }}
.skb .skb-track {{ max-width: 640px; }}
.skb .skb-track:not([hidden]) {{ display: flex; }}
.skb .skb-track label {{ flex: 1; min-width: 0; height: 20px; margin: 0 1px 8px 0;
  padding: 0; border-radius: 3px; background: rgba(128,128,128,.55); }}
.skb .skb-track label:hover {{ background: rgba(128,128,128,.8); }}
.skb .skb-curve {{ width: 640px; max-width: 100%; }}
"""
