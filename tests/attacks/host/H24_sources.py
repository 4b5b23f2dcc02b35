# attack: writes scripts, handlers and external addresses into its code, its text, its attachments and its metadata
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# %% [markdown] after="double"
# # <script>alert(1)</script> <img src=x onerror=alert(1)>
#
# [x](javascript:alert(1)) [y](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==) ![z](https://evil.example/x.png) ![a](attachment:evil.svg)
# <svg onload=alert(1)><script>alert(1)</script></svg> <iframe src="https://evil.example/"></iframe>
# <style>@import "https://evil.example/x.css";</style> <link rel=stylesheet href=//evil.example/x.css>
#
# $$</script><script>alert(1)</script>$$ <https://evil.example/?javascript:alert(1)> `</code><script>alert(1)</script>`
#
# | <img src=x onerror=alert(1)> | b |
# |---|---|
# | x"onmouseover="alert(1) | <a href="vbscript:alert(1)">x</a> |
#
# [ref]: javascript:alert(1)
#
# [x][ref] <p onclick
# =alert(1)>x</p> <a href="java
# script:alert(1)">x</a>
# %% after="double"
# </pre></div><script>alert(1)</script><img src=x onerror=alert(1)>
text = "</textarea></script><script>alert(1)</script>" '"><img src=x onerror=alert(1)>'
# %% edit="notebook"
evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
for cell in notebook.cells:
    if cell.cell_type == "markdown":
        cell["attachments"] = {"evil.svg": {"image/svg+xml": "<svg onload=alert(1)>"}, evil: {evil: evil}}
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "why":
            cell.source = "Because " + evil + " [x](javascript:alert(1)) ![x](https://evil.example/x.png)"
    cell.metadata["name"] = cell.metadata["tags_of_mine"] = evil
    cell.metadata["hidden_checks"] = [evil]
    cell.metadata["failure"] = evil
    cell.metadata["nbgrader"] = cell.metadata.get("nbgrader", {}) | {"comment": evil, "points": 3}
notebook.metadata["title"] = notebook.metadata["authors"] = evil
notebook.metadata["language_info"] = {"name": evil, "pygments_lexer": evil, "mimetype": evil, "codemirror_mode": evil}
notebook.metadata["kernelspec"] = {"name": evil, "display_name": evil, "language": evil}
notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {evil: evil}}}
