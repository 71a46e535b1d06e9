#!/bin/bash
# slurm.sbatch on a real Slurm: two nodes on loopback, as a user without privileges. A node dies in the middle, another goes
# on as a ghost that Slurm knows nothing of, a mailbox is refused, the CSV changes while the jobs wait.
. "$(dirname "$0")/common.sh"
PATH=$PATH:/usr/sbin:/sbin
for program in slurmctld slurmd slurmstepd sbatch scontrol; do
	command -v $program >/dev/null || { skip "Slurm: there is no $program here (Debian: slurmctld slurmd slurm-client)"; exit 0; }
done
start_lab --tenant fleet:40:6

# ---- somebody without privileges, who can read no file of the lab ----
work=$tmp/work
mkdir -p "$work/bin" "$tmp/slurm"
cp -r "$build"/{mbhaul,mbhaul-relay,mbhaul-token,mbhaul-token-fetch,sasl2} "$work/bin"
cp "$LAB_DIR"/{mbhaul.conf,contoso.secret,ca.pem,mailboxes.csv,grants.csv} "$work"
sed -i "s|^cache .*|cache = cache|; s|^\[fleet\]|[fleet]\ntotal-jobs = 6\njobs = 8|" "$work/mbhaul.conf"
as=()
if [ "$(id -u)" = 0 ]; then
	user=nobody
	getent passwd slurm >/dev/null && user=slurm
	as=(setpriv "--reuid=$user" "--regid=$(id -g $user)" --clear-groups)
	chown -R "$user:$(id -g $user)" "$work" "$tmp/slurm"
else
	user=$(id -un)
fi
as() { env -u LAB_DIR HOME="$work" "${as[@]}" "$@"; }
conf=$work/mbhaul.conf HAUL=$work/haul
mapfile -t boxes < <(tail -n +2 "$LAB_DIR/mailboxes.csv" | cut -d, -f1 | tr -d '"')
member() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1])).get(sys.argv[2], ""))' "$HAUL/mailboxes/$1/status.json" "$2" 2>/dev/null; }
fault() { "$lab" fault "$1" "$2" >/dev/null || not_ok "the fault $2 is set"; }

# ---- the cluster ----
read -r port1 port2 port3 < <(python3 -c '
import socket
held = [socket.socket() for _ in range(3)]
for s in held: s.bind(("127.0.0.1", 0))
print(*[s.getsockname()[1] for s in held])')
host=$(hostname -s)
cat >"$tmp/slurm/slurm.conf" <<END
ClusterName=lab
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$user
SlurmdUser=$user
SlurmctldPort=$port1
AuthType=auth/none
CredType=cred/none
AuthInfo=cred_expire=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0,defer
SlurmdTimeout=2
MessageTimeout=2
TCPTimeout=1
SlurmctldTimeout=5
KillWait=10
MinJobAge=600
ReturnToService=2
MaxArraySize=16
SlurmdParameters=config_overrides
StateSaveLocation=$tmp/slurm/state
SlurmdSpoolDir=$tmp/slurm/%n
SlurmctldPidFile=$tmp/slurm/ctld.pid
SlurmdPidFile=$tmp/slurm/%n.pid
SlurmctldLogFile=$tmp/slurm/ctld.log
SlurmdLogFile=$tmp/slurm/%n.log
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$port2 CPUs=3 RealMemory=16000
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$port3 CPUs=3 RealMemory=16000
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
END
echo 'CgroupPlugin=cgroup/v1' >"$tmp/slurm/cgroup.conf"
mkdir -p "$tmp/slurm"/{state,n1,n2}
[ "$(id -u)" != 0 ] || chown -R "$user:$(id -g $user)" "$tmp/slurm"
export SLURM_CONF=$tmp/slurm/slurm.conf
declare -A daemon=()
start() { # name program argument...
	local name=$1
	shift
	as setsid "$@" >>"$tmp/slurm/$name.out" 2>&1 </dev/null &
	daemon[$name]=$!
}
stop_cluster() {
	local pid
	as scancel -u "$user" >/dev/null 2>&1
	for pid in "${daemon[@]}"; do kill -TERM "$pid" 2>/dev/null; done
	# Whatever of them or their tasks is left holds a file below.
	for _ in 1 2 3 4 5; do
		mapfile -t left < <(cd /proc && for pid in [0-9]*; do
			tr '\0' ' ' 2>/dev/null <"$pid/cmdline" | grep -qF -e "$tmp/slurm" -e "$work/" && echo "$pid"; done)
		[ ${#left[@]} -gt 0 ] || break
		sleep 0.3
		kill -KILL "${left[@]}" 2>/dev/null
	done
	return 0
}
trap 'stop_cluster; finish' EXIT
start ctld slurmctld -D -f "$SLURM_CONF"
start n1 slurmd -D -N n1 -f "$SLURM_CONF"
start n2 slurmd -D -N n2 -f "$SLURM_CONF"
idle() { as sinfo -h -N -o '%N %t' 2>/dev/null | grep -cE ' (idle|mix)$'; }
for _ in $(seq 200); do [ "$(idle)" = 2 ] && break; sleep 0.1; done
if [ "$(idle)" != 2 ]; then
	not_ok "a Slurm of two nodes starts"
	tail -n 20 "$tmp"/slurm/*.log
	exit 1
fi
ok "a Slurm of two nodes starts, as $user"

mbhaul=$tmp/as
printf '#!/bin/sh\nexec env HOME=%s %s %s/bin/mbhaul "$@"\n' "$work" "${as[*]}" "$work" >"$mbhaul"
chmod 755 "$mbhaul"
# The queue as "job array_task node state", what waits or runs.
queue() { as squeue -r -h -o '%A %F_%K %N %T'; }
# "state exit restarts" of a task; its own number, since the array's is that of what still waits too
ended() { as scontrol -o show job "$1" | sed -n 's/.* JobState=\([A-Z]*\) .* Restarts=\([0-9]*\) .* ExitCode=\([0-9:]*\) .*/\1 \3 \2/p'; }
until_queue() { # condition on the queue, as a command that reads it
	for _ in $(seq 400); do queue | "$@" && return 0; sleep 0.2; done
	not_ok "the queue comes to \"$*\""
	queue | head
	return 1
}
empty() { ! grep -q .; }
row_of() { # its row in the list of the jobs that were submitted first
	sed -n "/^$1\$/=" "$HAUL/lists/$list"
}
# Array and task of a row: three arrays, of 14, 14 and 12.
task_of() { local row; row=$(row_of "$1"); echo "${jobs[(row - 1) / 14]}_$(((row - 1) % 14 + 1))"; }

# ---- submitted, and then the CSV changes ----
"$mbhaul" --config "$conf" generate >"$tmp/out" 2>&1
list=$(sed -n "s/^list=//p" "$HAUL/slurm.sbatch")
as sh "$HAUL/slurm.sbatch" --hold >"$tmp/submitted" 2>&1
is "slurm.sbatch submits itself" $? 0
has "in arrays that are no longer than the cluster takes" "$tmp/submitted" '^submitted 40 mailboxes, at most 6 at once, as( [0-9]+){3}$'
read -ra jobs < <(sed -n 's/^submitted .* as \([0-9 ]*\)$/\1/p' "$tmp/submitted")
is "which share the cap" "$(as scontrol -o show job "${jobs[2]}" | sed -n 's/.* ArrayTaskId=\([^ ]*\) .*/\1/p')" "1-12%2"
{ head -n 1 "$LAB_DIR/mailboxes.csv"; tail -n +2 "$LAB_DIR/mailboxes.csv" | tac; } | as tee "$work/mailboxes.csv" >/dev/null
"$mbhaul" --config "$conf" generate >"$tmp/out" 2>&1
check "another order of the CSV is another list" [ "$(sed -n "s/^list=//p" "$HAUL/slurm.sbatch")" != "$list" ]
ungranted=${boxes[1]}
"$lab" revoke "$ungranted" >/dev/null
# Those that begin.
first=()
for job in 0 1 2; do for row in 1 2; do first+=("$(sed -n "$((14 * job + row))p" "$HAUL/lists/$list")"); done; done
for box in "${first[@]}"; do fault "$box" '{"body-delay":2000}'; done
as scontrol release "${jobs[@]}"

# ---- a node dies; one of its tasks goes on, and Slurm does not know it ----
both() { local q; q=$(cat); [ "$(grep -c ' n2 RUNNING' <<<"$q")" -ge 2 ] && grep -q ' n1 RUNNING' <<<"$q"; }
until_queue both
queue >"$tmp/queue"
read -r ghost ghost_task _ < <(grep ' n2 RUNNING' "$tmp/queue")
ghost_box=
for box in "${boxes[@]}"; do [ "$(task_of "$box")" = "$ghost_task" ] && ghost_box=$box; done
for _ in $(seq 100); do [ "$(member "$ghost_box" state)" = running ] && break; sleep 0.1; done
# So slow that Slurm has time to find out: what it started copies, and it keeps its lock.
ghost_pid=$(pgrep -f "/bin/mbhaul .* sync $ghost_box --wait" | head -n 1)
kill -STOP "$ghost_pid"
kill -KILL "$(cat "$tmp/slurm/n2.pid")"
killed=$(python3 "$top/tests/lab/killtree.py" SLURMD_NODENAME=n2 "!SLURM_JOB_ID=$ghost")
check "a node is killed with its tasks" [ "$killed" -ge 1 ]

# ---- what --signal sends before the time limit ----
read -r _ term_task _ < <(grep ' n1 RUNNING' "$tmp/queue")
term_box=
for box in "${boxes[@]}"; do [ "$(task_of "$box")" = "$term_task" ] && term_box=$box; done
timeout 1 "${as[@]}" scancel --signal=TERM --batch "$term_task"
for box in "${first[@]}"; do fault "$box" '{}'; done

# ---- meanwhile, a single one: cancelled, asked again by the cluster, given up ----
# The queue without the jobs of the beginning.
single() { queue | grep -vE "^[0-9]+ (${jobs[0]}|${jobs[1]}|${jobs[2]})_"; }
until_single_ends() { for _ in $(seq 400); do single | grep -q . || return 0; sleep 0.2; done; not_ok "a single job ends"; single; }
submit() { # VARIABLE=VALUE...
	as env "$@" sh "$HAUL/slurm.sbatch" --nice=-5000 >"$tmp/submitted" 2>&1 || not_ok "one is submitted: $(cat "$tmp/submitted")"
	job=$(sed -n 's/^submitted 1 mailboxes.* as \([0-9]*\)$/\1/p' "$tmp/submitted")_1
}
cancelled() { # name
	fault "$ungranted" '{"body-delay":3000}'
	submit
	for _ in $(seq 150); do [ "$(member "$ungranted" doing)" = copying ] && break; sleep 0.1; done
	as scancel "$job"
	until_single_ends
	is "$1" "$(ended "$job" | cut -d ' ' -f 1,3) $(member "$ungranted" state)" "CANCELLED 0 later"
	fault "$ungranted" '{}'
}
mv "$HAUL/slurm.sbatch" "$tmp/all.sbatch"
for _ in $(seq 100); do [ "$(member "$ungranted" state)" = refused ] && break; sleep 0.1; done
"$lab" grant "$ungranted" >/dev/null
sleep 1.1 # Dovecot looks at its file no more than once a second
"$mbhaul" --config "$conf" generate --for slurm "$ungranted" >"$tmp/out" 2>&1
cancelled "what is cancelled ends gently, and is not put back"
down() { as sinfo -h -N -n n2 -o %t | grep -q down; }
until_queue down
ok "Slurm sees that the node is down"
echo RequeueExit=75 >>"$SLURM_CONF"
as scontrol reconfigure
exec 8<"$HAUL/mailboxes/$ungranted/lock"
flock 8
submit MBHAUL_RESTARTS=1
until_single_ends
exec 8<&-
is "a cluster that puts back 75 does so, and no more often than is allowed" "$(ended "$job")" "FAILED 69:0 1"
has "it says so" "$HAUL/slurm/$job.log" "^mbhaul: $ungranted was tried 1 times more, and is not through"
cancelled "what is cancelled is not put back by the cluster either"

# ---- the end of it ----
for _ in $(seq 100); do
	grep -qs 'another mbhaul works' "$HAUL/slurm/$ghost_task.log" && break
	sleep 0.2
done
has "the ghost's mailbox is not touched by a second one" "$HAUL/slurm/$ghost_task.log" "another mbhaul works on this mailbox, on $host"
kill -CONT "$ghost_pid"
until_queue empty
is "a permanent refusal is not asked again" "$(ended "$(task_of "$ungranted")")" "FAILED 77:0 0"
is "the one that was ended before its time was put back" "$(ended "$term_task")" "COMPLETED 0:0 1"
check "the ghost's mailbox was asked again until the ghost was done" [ "$(ended "$ghost_task" | awk '/^COMPLETED 0:0/ { print $3 }')" -ge 2 ]
submit
until_queue empty
"$mbhaul" --config "$conf" status "$ghost_box" >"$tmp/out" 2>&1
has "status says which machine worked on it" "$tmp/out" "^  on machine +$(hostname)\$"
"$mbhaul" --config "$conf" status --json | python3 -c 'import json,sys; print({m.get("host") for m in json.load(sys.stdin)["mailboxes"]})' >"$tmp/out" 2>&1
is "and of all, for programs" "$(cat "$tmp/out")" "{'$(hostname)'}"
proved "all are complete" "${boxes[@]}"
ln -s "$HAUL" "$LAB_DIR/haul"
equal "none is there twice" "${boxes[@]}"

# ---- fewer at once than arrays ----
sed -i 's/^total-jobs.*/total-jobs = 2/' "$conf"
"$mbhaul" --config "$conf" generate --for slurm >"$tmp/out" 2>&1
as sh "$HAUL/slurm.sbatch" --hold >"$tmp/submitted" 2>&1
read -ra jobs < <(sed -n 's/^submitted .* as \([0-9 ]*\)$/\1/p' "$tmp/submitted")
is "where the cap is less than the arrays, they follow one another" \
	"$(as scontrol -o show job "${jobs[2]}" | grep -oE 'Dependency=[a-z]+:[0-9]+|ArrayTaskId=[^ ]*' | sort | tr '\n' ' ')" \
	"ArrayTaskId=1-12%1 Dependency=afterany:${jobs[0]} "
check "no secret in a log or a generated file" eval '! grep -rqFf "$LAB_DIR/contoso.secret" "$HAUL"'
hasnt "and no token" 'eyJ[A-Za-z0-9_-]{10}' "$HAUL"
