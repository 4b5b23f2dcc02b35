# attack: shows scripts, handlers, frames, forms, links and styles in every kind of output
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# %% after="double"
from IPython.display import HTML, SVG, Image, Javascript, Latex, Markdown, display, publish_display_data

EVIL = """
<script>alert(1)</script><img src=x onerror=alert(1)><svg onload=alert(1)><iframe srcdoc="<script>alert(1)</script>"></iframe>
<a href="javascript:alert(1)">x</a><a href=" jAvAsCrIpT&#58;alert(1)">x</a><form action="https://evil.example/"><input autofocus onfocus=alert(1)></form>
<object data="data:text/html,<script>alert(1)</script>"></object><embed src="https://evil.example/x.swf"><base href="https://evil.example/">
<meta http-equiv="refresh" content="0;url=https://evil.example/"><link rel="stylesheet" href="https://evil.example/x.css">
<style>@import url(https://evil.example/x.css); body {background: url(https://evil.example/x.png)}</style>
<div style="background:url(https://evil.example/x.png);position:fixed;inset:0" onmouseover=alert(1)>x</div>
<img src="https://evil.example/x.png" srcset="https://evil.example/y.png"><video src="https://evil.example/x.mp4" autoplay></video>
<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>
<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript><template><script>alert(1)</script></template>
</pre></div></body></html><script>alert(1)</script>
"""
display(HTML(EVIL))
display(Javascript("alert(1)"))
display(SVG(f'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script><image href="https://evil.example/x.png"/><foreignObject>{"<script>alert(1)</script>"}</foreignObject></svg>'))
display(Markdown(EVIL + "\n\n[x](javascript:alert(1)) ![x](https://evil.example/x.png) <script>alert(1)</script>\n\n```\n</code></pre><script>alert(1)</script>\n```"))
display(Latex("$$\\href{javascript:alert(1)}{x} \\includegraphics{https://evil.example/x.png}</script><script>alert(1)</script>$$"))
for kind in (
    "text/html", "text/markdown", "image/svg+xml", "text/latex", "text/plain", "application/javascript", "image/png", "image/jpeg", "application/pdf",
    "application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json", "text/vnd.mermaid", 'image/png" onerror="alert(1)', "application/json",
):
    publish_display_data({kind: EVIL})
    publish_display_data({kind: '"><script>alert(1)</script><img src=x onerror="alert(1)'}, {kind: {"width": '1" onerror="alert(1)', "height": "1", "alt": '" onerror="alert(1)', "isolated": True}})
publish_display_data({"application/vnd.jupyter.widget-view+json": {"model_id": "</script><script>alert(1)</script>", "version_major": 2, "version_minor": 0}})
print(EVIL)
print("\x1b[31m<script>alert(1)</script>\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07\x1b[38;2;1;2;3m\x9b31m")
import sys

print(EVIL, file=sys.stderr)
raise type("<script>alert(1)</script>", (Exception,), {})(EVIL)
