# SPDX-License-Identifier: LGPL-2.1-or-later
"""Test functions one after the other, as TAP."""

import traceback


def run(tests, names, *arguments):
    """Runs those that are named, or all. Returns the exit status: 1 if one failed."""
    known = {t.__name__ for t in tests}
    assert known.issuperset(names), f"no such test: {' '.join(set(names) - known)}"
    chosen = [t for t in tests if not names or t.__name__ in names]
    print(f"1..{len(chosen)}")
    failed = 0
    for number, test in enumerate(chosen, 1):
        title = test.__name__ if not test.__doc__ else f"{test.__name__}: {test.__doc__.splitlines()[0]}"
        try:
            test(*arguments)
            print(f"ok {number} - {title}", flush=True)
        except Exception:  # every failure is a result
            failed += 1
            print(f"not ok {number} - {title}")
            print("\n".join("#   " + line for line in traceback.format_exc().splitlines()), flush=True)
    return 1 if failed else 0
