#!/usr/bin/env bash
# The C++ reference of the site: every header of cotangent.h is on a page, what is private or a detail
# on none, and what headers say of their declarations is there.
set -euo pipefail
: "${COTANGENT_SOURCE_DIR:?}"
PYTHONDONTWRITEBYTECODE=1 python3 - "$COTANGENT_SOURCE_DIR" <<'EOF'
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(root / "tools/site"))
import cpp_reference

pages = dict(cpp_reference.pages(root))
wrong = []


def plain(text):
    """Words without Markdown, to compare with a header's."""
    text = re.sub(r"\[([\w/-]+)\]\([^)]*\)", r"docs/\1.md", text)
    return re.sub(r"\s+", " ", re.sub(r"[\\`]|///?<?", "", text))


words = {name: plain(text) for name, text in pages.items()}
for name, text in pages.items():
    code = re.findall(r"```cpp\n(.*?)```", text, re.S)
    if not code:
        wrong.append(f"{name}: no code")
    for block in code:
        if re.search(r"^ *private:|^namespace \w*detail", block, re.M):
            wrong.append(f"{name}: shows what is private\n{block}")
        if block.count("{") != block.count("}"):
            wrong.append(f"{name}: braces do not match\n{block}")
    for header in cpp_reference.headers_of(root, name):
        source = (root / "cotangent" / header).read_text(encoding="utf-8")
        head = source.split("#pragma once")[0].replace("// ", "")
        first = plain(head.strip().split("\n")[0].removeprefix("//"))
        if first not in words[name]:
            wrong.append(f"{name} does not say '{first}'")
        # Of every type and function at the left margin, outside of details, what is said of it.
        public = re.sub(r"(?ms)^namespace \w*detail \{.*?^\}  // namespace", "", source)
        for said in re.findall(r"(?m)^/// (.*)$", public):
            if plain(said) not in words[name]:
                wrong.append(f"{header}: '{said}' is not on the page {name}")
for name, what in {"runs": "class Flow", "systems": "LoadedFile load_system_file",
                   "arrays": "auto vmap", "files": "class UserError"}.items():
    if what not in pages[name]:
        wrong.append(f"the page {name} lacks '{what}'")
# A header that is on no page is noticed.
cpp_reference.PAGES["runs"][1].remove("mechanics/flow.h")
try:
    dict(cpp_reference.pages(root))
    wrong.append("a header of cotangent.h is on no page, and nobody says so")
except ValueError:
    pass
if wrong:
    sys.exit("\n".join(wrong))
print(f"{len(pages)} pages, {sum(map(len, pages.values()))} characters")
EOF
