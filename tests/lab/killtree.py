"""killtree.py [NAME=VALUE [!NAME=VALUE]] PID...: kills at once, as a power cut does it, what has NAME=VALUE in its environment (but
not what has the other), with the Slurm step that started it, and the PIDs, all with all that they started. Prints how many."""
import os, signal, sys

parent, environment = {}, {}
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        parent[int(pid)] = int(open("/proc/%s/stat" % pid).read().rpartition(")")[2].split()[1])
        environment[int(pid)] = open("/proc/%s/environ" % pid, "rb").read().decode(errors="replace").split("\0")
    except OSError:
        pass
doomed = {int(a) for a in sys.argv[1:] if a.isdigit()}
wanted = [a for a in sys.argv[1:] if "=" in a and a[0] != "!"]
spared = [a[1:] for a in sys.argv[1:] if a[0] == "!"]
tasks = {p for p, e in environment.items() if any(w in e for w in wanted) and not any(s in e for s in spared)}
doomed |= tasks | {parent[p] for p in tasks if b"slurmstepd" in open("/proc/%d/cmdline" % parent[p], "rb").read()}
while True:
    more = {p for p in parent if parent[p] in doomed} - doomed
    if not more:
        break
    doomed |= more
# None of them may see another's end.
for what in signal.SIGSTOP, signal.SIGKILL:
    for p in doomed:
        try:
            os.kill(p, what)
        except ProcessLookupError:
            pass
print(len(doomed))
