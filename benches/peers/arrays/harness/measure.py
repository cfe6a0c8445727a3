"""Compares answers, then takes times in rounds through all sides."""
import os
import statistics
import time

from harness.environment import out
from harness.workers import Failed, Nbc, Peer
from shared.tools import say

# A worker's threads may look for more work for a moment; the next one shall have the cores. Those of OpenBLAS
# look for some 20 ms.
BETWEEN, OF_SEVERAL = 0.002, 0.05
# No iterations are so many.
MOST = 10**8
# What is beside a side to see what noise does.
AGAIN = " again"


def columns(threads, sides, python, binary):
    """The workers by name, in the order of a round: the second ones of A/A runs at the end."""
    made = {"nbc": Nbc(threads, binary)}
    try:
        for side in sides:
            made[side] = Peer(side, threads, python)
        made["numpy" + AGAIN] = Peer("numpy", threads, python, f"numpy-{threads}-again")
        made["nbc" + AGAIN] = Nbc(threads, binary, f"nbc-{threads}-again")
    except BaseException:
        close(made)
        raise
    return made


def close(workers):
    for worker in workers.values():
        worker.close()


def measure(works, threads, sides, python, binary, asked, results):
    """Adds a cell for each work, type and size."""
    workers = columns(threads, sides, python, binary)
    asked.is_threaded = threads > 1
    try:
        for work in works:
            for elem in [elem for elem in asked.types if elem in work.types]:
                for size in asked.sizes_of(work):
                    cell = of_work(work, elem, size, workers, asked)
                    cell["threads"] = threads
                    results["cells"].append(cell)
                    told(cell)
    finally:
        close(workers)


def of_work(work, elem, size, workers, asked):
    names = ["nbc", *work.peers(), "numpy" + AGAIN, "nbc" + AGAIN]
    chosen = {name: workers[name] for name in names if name in workers}
    cell = {"family": work.family, "work": work.name, "type": elem, "size": size}
    cell |= {"checks": {}, "iterations": {}, "seconds": {}}
    try:
        for worker in chosen.values():
            worker.prepare(work, elem, size)
        cell["checks"] = compared(chosen)
        wrong = [f"{name} {check}" for name, check in cell["checks"].items() if "WRONG" in check]
        if wrong:
            return cell | {"failed": "; ".join(wrong)}
        counts = {name: iterations(worker, asked.least) for name, worker in chosen.items()}
        # A side and itself once more do the same.
        for name in [name for name in counts if name.endswith(AGAIN)]:
            counts[name] = counts[name[: -len(AGAIN)]]
        taken = {name: [] for name in chosen}
        for at in range(asked.rounds + 1):
            for name in chosen if at % 2 == 0 else reversed(chosen):
                time.sleep(OF_SEVERAL if asked.is_threaded else BETWEEN)
                seconds = chosen[name].time(counts[name]) / counts[name]
                # The first round warms up and is not counted.
                if at:
                    taken[name].append(seconds)
    except Failed as failed:
        return cell | {"failed": str(failed)}
    return cell | {"iterations": counts, "seconds": taken}


def compared(workers):
    """What NumPy says of everybody's answers."""
    path = out("answers", "answer.npy")
    checks = {}
    for name, worker in workers.items():
        if name not in ("numpy", "numpy" + AGAIN):
            worker.ask("save", path)
            checks[name] = workers["numpy"].ask("compare", path)
            os.remove(path)
    return checks


def iterations(worker, least):
    """How many take `least` seconds; what is done once, such as compiling, is done by then."""
    worker.time(1)
    n = 1
    while True:
        # A disturbance makes one sample long, but seldom two.
        seconds = worker.time(n)
        seconds = seconds if seconds < least else min(seconds, worker.time(n))
        if seconds >= least or n >= MOST:
            return n
        n = min(MOST, max(n + 1, int(n * min(16.0, 1.1 * least / max(seconds, 1e-9)))))


def median(cell, name):
    taken = cell["seconds"].get(name)
    return statistics.median(taken) if taken else None


def ratio(cell, peer):
    """The peer's time ÷ NBC's: above 1, NBC is faster."""
    theirs, ours = median(cell, peer), median(cell, "nbc")
    return theirs / ours if theirs and ours else None


def noise(cell, name):
    """How far a side is from itself, as a share: 0.02 is 2 %."""
    first, second = median(cell, name), median(cell, name + AGAIN)
    return max(first, second) / min(first, second) - 1 if first and second else None


def told(cell):
    where = "{family}: {work:11} {type} {size:>8} threads {threads}".format(**cell)
    if "failed" in cell:
        say(f"{where}  FAILED: {cell['failed']}")
        return
    times = [f"{name} {1e9 * median(cell, name):.4g} ns" for name in cell["seconds"] if AGAIN not in name]
    say(f"{where}  {', '.join(times)}; A/A {noise(cell, 'numpy'):.1%} and {noise(cell, 'nbc'):.1%}")
