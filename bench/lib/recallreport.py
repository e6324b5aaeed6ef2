"""
recallreport.py -- what bench/recall prints of its figures: the table, the lines
that fall short, and what short means.
"""
BOUND = .005            # omendb may find that much less than pgvector
GROWN = .01             # and a grown index that much less than one built


def number(x):
    """A recall: three places, 1 without them."""
    return "-" if x is None else "1" if x == 1 else f"{x:.3f}".lstrip("0")


def shortfalls(figures, ef):
    """(kind, state, ef, omendb's recall, what it is held against) of one line."""
    for state, both in figures.items():
        for e in ef:
            ours = both.get("omendb", {}).get(str(e))
            theirs = both.get("pgvector", {}).get(str(e))
            built = figures.get("built", {}).get("omendb", {}).get(str(e))
            if ours and theirs and ours["recall"] < theirs["recall"] - BOUND:
                yield "below pgvector", state, e, ours["recall"], theirs["recall"]
            if ours and built and state in ("grown", "half") and ours["recall"] < built["recall"] - GROWN:
                yield "below built", state, e, ours["recall"], built["recall"]


def marks(name, figures, ef):
    for kind, state, e, ours, other in shortfalls(figures, ef):
        yield f"{name}, {state}, ef {e}: {kind}: {number(ours)}, not {number(other)}"


def one_line(one):
    return f"{one.name:22s} {one.rows:8,} {one.metric:4s} {one.about}"


def pair(both, e, key, form):
    """pgvector's figure and omendb's, as "theirs : ours"."""
    values = [both.get(n, {}).get(str(e), {}).get(key) for n in ("pgvector", "omendb")]
    return " : ".join("-" if v is None else form(v) for v in values)


def ratio(x):
    return f"{x:.3f}" if x < 100 else f"{x:.0f}"


def row(name, one, state, ef, short):
    both = one["states"][state]
    cells = [name, state]
    for e in ef:
        text = pair(both, e, "recall", number)
        cells.append(f"**{text}**" if any(s[1] == state and s[2] == e for s in short) else text)
    last = ef[-1]
    cells.append(pair(both, last, "ratio", ratio))
    lost = [both.get(n, {}).get(str(last), {}).get("lost") for n in ("pgvector", "omendb")]
    cells.append(pair(both, last, "lost", str) if any(lost) else "")
    cells.append(", ".join(dict.fromkeys(s[0] for s in short if s[1] == state)))
    return cells


def table(result, ef):
    """Markdown: what the lines are, then a row for each line and state."""
    out = ["| line | metric | rows | dimensions | data |", "|---|---|---|---|---|"]
    for name, one in result["lines"].items():
        out.append(f"| {name} | {one['metric']} | {one['rows']:,} | {one['dim']} | {one['about']} |")
    out += ["", f"PostgreSQL {result['server'].split()[0]}, commit {result['commit']}, pgvector {result['pgvector']}, default options"
            + (f" and {result['with']}" if result["with"] else "")
            + f". Recall, pgvector : omendb, at `ef_search` {', '.join(map(str, ef))}; distances beside the true ones and queries with "
            f"nothing right at {ef[-1]}. Bold: short of the bound.", "",
            "| line | index | " + " | ".join(f"ef {e}" for e in ef) + " | distances | lost | short |",
            "|---|---|" + "---|" * len(ef) + "---|---|---|"]
    for name, one in result["lines"].items():
        short = list(shortfalls(one["states"], ef))
        for state in one["states"]:
            if one["states"][state]:
                out.append("| " + " | ".join(row(name, one, state, ef, short)) + " |")
    return "\n".join(out) + "\n"


def summary(result, ef):
    states = [(n, s) for n, one in result["lines"].items() for s in one["states"] if one["states"][s].get("omendb")]
    short = {(n, s[1]) for n, one in result["lines"].items() for s in shortfalls(one["states"], ef)}
    lost = sum(both["omendb"][str(ef[-1])]["lost"] for one in result["lines"].values()
               for both in one["states"].values() if both.get("omendb", {}).get(str(ef[-1])))
    out = [f"{name}, {state}, ef {e}: {kind}: {number(ours)}, not {number(other)}"
           for name, one in result["lines"].items() for kind, state, e, ours, other in shortfalls(one["states"], ef)]
    out.append(f"recall: {len(result['lines'])} lines, {len(states)} indexes, {len(short)} of them short of their bound; "
               f"{lost} queries of omendb lost at ef {ef[-1]}")
    return "\n".join(out)
