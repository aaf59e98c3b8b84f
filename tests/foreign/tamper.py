"""Copies an evidence bundle and changes one byte in the first member with a given ending.

Usage: tamper.py BUNDLE COPY ENDING

Standard library only. The copy is a sound ZIP file, so only a check of what it says can find the change.
"""

import sys
import zipfile


def main() -> int:
    source, target, ending = sys.argv[1:]
    changed = ""
    with zipfile.ZipFile(source) as bundle, zipfile.ZipFile(target, "w") as copy:
        for member in bundle.infolist():
            content = bytearray(bundle.read(member))
            if not changed and member.filename.endswith(ending):
                content[len(content) // 2] ^= 1
                changed = member.filename
            copy.writestr(member, bytes(content))
    print(f"changed one bit of {changed}" if changed else f"no member ends in {ending}")
    return 0 if changed else 1


if __name__ == "__main__":
    sys.exit(main())
