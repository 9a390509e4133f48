#!/usr/bin/env python3
"""The gallery of examples: its pictures, its page and the table in the README, from examples/gallery/index.toml.

    tools/gallery.py pictures [NAME ..]   runs examples and draws them into docs/images/gallery/
    tools/gallery.py write                writes docs/gallery.md and the table in README.md
    tools/gallery.py check                whether these are as `write` makes them, and every example has a picture

Pictures are made by `$COTANGENT examples run NAME --picture`, build/release/cotangent unless that is set; a
`python3` on the PATH needs the package and matplotlib.
"""
import os
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs/images/gallery"
PAGE = ROOT / "docs/gallery.md"
BEGIN, END = "<!-- gallery, by tools/gallery.py -->", "<!-- end of gallery -->"
COLUMNS = 4
LARGEST = 25_000  # bytes of a picture
KINDS = {".toml": "a system file", ".py": "Python", ".cpp": "C++"}


def index():
    with open(ROOT / "examples/gallery/index.toml", "rb") as file:
        return tomllib.load(file)


def ending(example):
    return pathlib.Path(example["file"]).suffix


def picture(name, example):
    return PICTURES / (name + (".svg" if ending(example) == ".cpp" else ".png"))


def anchor(title):
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def bound(e):
    parts = [f"{e['near']!r} within {e['within']:g}"] if "near" in e else []
    parts += [f"above {e['above']:g}"] if "above" in e else []
    parts += [f"below {e['below']:g}"] if "below" in e else []
    return " and ".join(parts)


def page():
    text = """# Gallery

Each picture is made by running the example, and each example checks what it finds: its command ends with exit code 4 where a result is
missed. All of them run in the tests. `cotangent examples show NAME` prints one, `cotangent examples copy NAME` copies it for you to change
([the command](cli.md#examples)). `tools/gallery.py` made this page.
"""
    for name, e in index().items():
        path = picture(name, e).relative_to(ROOT / "docs")
        text += f"\n## {e['title']}\n\n![{e['title']}]({path})\n\n"
        text += f"`cotangent examples run {name}` -- [{e['file']}](../examples/{e['file']}), {KINDS[ending(e)]}: {e['shows']}.\n\n"
        for x in e.get("expect", []):
            text += f"- {x['that']}: {bound(x)} ({x['since']})\n"
        for x in e.get("asserts", []):
            text += f"- {x}\n"
    return text


def table():
    cells = []
    for name, e in index().items():
        path = picture(name, e).relative_to(ROOT)
        cells.append(f'<td align="center"><a href="docs/gallery.md#{anchor(e["title"])}"><img src="{path}" width="210" alt="{e["title"]}"></a>'
                     f"<br><b>{e['title']}</b><br><code>cotangent examples run {name}</code></td>\n")
    rows = ["".join(cells[k:k + COLUMNS]) for k in range(0, len(cells), COLUMNS)]
    return "<table>\n" + "".join(f"<tr>\n{row}</tr>\n" for row in rows) + "</table>\n"


def readme():
    old = (ROOT / "README.md").read_text(encoding="utf-8")
    before, rest = old.split(BEGIN)
    return before + BEGIN + "\n" + table() + END + rest.split(END)[1]


def draw(names):
    program = os.environ.get("COTANGENT", str(ROOT / "build/release/cotangent"))
    PICTURES.mkdir(exist_ok=True)
    for name, e in index().items():
        if names and name not in names:
            continue
        path = picture(name, e)
        subprocess.run([program, "examples", "run", name, "--quiet", "--overwrite", "--picture", str(path)], check=True,
                       stdout=subprocess.DEVNULL)
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes")


def wrong():
    if PAGE.read_text(encoding="utf-8") != page():
        yield "docs/gallery.md is not as tools/gallery.py writes it"
    if (ROOT / "README.md").read_text(encoding="utf-8") != readme():
        yield "the table of the gallery in README.md is not as tools/gallery.py writes it"
    wanted = {picture(name, e) for name, e in index().items()}
    for path in sorted(wanted | set(PICTURES.iterdir())):
        name = path.relative_to(ROOT)
        if not path.exists():
            yield f"{name} is not there: tools/gallery.py pictures {path.stem}"
        elif path not in wanted:
            yield f"{name} is of no example"
        elif path.stat().st_size > LARGEST:
            yield f"{name} has {path.stat().st_size} bytes; {LARGEST} are the most"


def main(arguments):
    if arguments[:1] == ["pictures"]:
        draw(arguments[1:])
    elif arguments == ["write"]:
        PAGE.write_text(page(), encoding="utf-8")
        (ROOT / "README.md").write_text(readme(), encoding="utf-8")
    elif arguments == ["check"]:
        complaints = list(wrong())
        print("\n".join(complaints) or f"{len(index())} examples, each with its picture; the pages are up to date")
        return len(complaints) > 0
    else:
        print(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
