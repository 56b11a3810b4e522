"""One repeat, for ``simdai.bench.run``: prints one JSON object."""

import json
import sys

from simdai.bench import one_repeat

if __name__ == "__main__":
    workload, size, days, repeat, against = sys.argv[1:]
    print(
        json.dumps(
            one_repeat(workload, int(size), float(days), int(repeat), None if against == "-" else against)
        )
    )
