"""SQLite FTS5 as somebody would set it up for German texts: unicode61 without accents, any word, bm25, title before text."""
import json
import re
import sqlite3
import sys
import time

asked = json.load(sys.stdin)
base = sqlite3.connect(":memory:")
base.execute("create virtual table t using fts5(key, title, about, tokenize='unicode61 remove_diacritics 2')")
base.executemany("insert into t values (?, ?, ?)", asked["texts"])
base.execute("insert into t(t) values ('optimize')")
keys, took = [], []
for question in asked["questions"]:
    words = " OR ".join(f'"{word}"*' for word in re.findall(r"\w+", question))
    began = time.perf_counter()
    rows = base.execute(
        "select key from t where t match ? order by bm25(t, 16.0, 8.0, 2.0) limit 50", (words,)
    ).fetchall()
    took.append((time.perf_counter() - began) * 1e3)
    keys.append([row[0] for row in rows[:10]])
took.sort()
print(json.dumps({"keys": keys, "p99_ms": took[len(took) * 99 // 100]}))
