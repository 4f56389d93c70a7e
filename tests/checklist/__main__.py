"""`python -m tests.checklist`: says what is covered and what is open, and writes it down (covered.txt, the README's table)."""

from __future__ import annotations

import sys

from tests.checklist import plan
from tests.checklist.lines import SOURCE, WITHOUT, lines


def main() -> int:
    if not lines():
        print(WITHOUT)
        return 1
    lost = sorted(set(plan.once_covered()) - set(plan.covered()))
    if lost:
        print(f"covered once and open now: {', '.join(lost)}. covered.txt was left as it is")
        return 1
    plan.COVERED.write_text("\n".join(plan.covered()) + "\n")
    plan.README.write_text(plan.readme_with(plan.table()))
    print(f"{plan.table()}\n\nfrom {SOURCE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
