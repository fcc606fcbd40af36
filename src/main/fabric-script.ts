/**
 * What runs inside the fabric's namespaces, as a POSIX shell program. PID 1 only waits (and so reaps orphans); its child reads
 * commands from ebb's pipe. When ebb is gone, however that came about, the pipe ends: everything in the PID namespace is
 * killed, the run directory removed, and with PID 1 the namespaces go.
 *
 * Each node sees its folder at /run/ebb-node-INDEX too, where everybody inside can get to it, whoever may enter the folders above
 * the real one. What containers write outside of volumes lies on a tmpfs there and does not fill the disk or /run of the host.
 *
 *   arguments: RUN_DIRECTORY, then top-level entries of /run that must stay visible
 *   commands:  `node INDEX NAME ADDRESS POD_CIDR` -> `ok NAME`; `link INDEX up|down` -> `ok INDEX`
 */
export const FABRIC_SCRIPT = `
set -e
dir=$1; shift
n=4
for entry do eval "exec $n</run/$entry"; n=$((n + 1)); done
mount -t tmpfs -o mode=755,size=16m tmpfs /run
mkdir /run/netns
n=4
for entry do
  mkdir "/run/$entry"
  mount -c --rbind "/proc/self/fd/$n" "/run/$entry"
  eval "exec $n<&-"
  n=$((n + 1))
done
ip -batch - <<END
link set lo up
link add ebb0 address 0a:58:0a:58:00:01 type bridge
addr add 10.88.0.1/16 dev ebb0
link set ebb0 up
END
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 0 >/proc/sys/net/ipv4/conf/all/send_redirects
echo 0 >/proc/sys/net/ipv4/conf/ebb0/send_redirects
node() {
  ip -batch - <<END &&
netns add node-$2
link add nv$1 type veth peer name eth0 netns node-$2
link set nv$1 master ebb0 up
route add $4 via $3
END
  ip -n "node-$2" -batch - <<END &&
link set lo up
addr add $3/16 dev eth0
link set eth0 up
route add default via 10.88.0.1
END
  mkdir -p "/run/ebb-node-$1" "$dir/node-$1/fs" &&
  mount --bind "$dir/node-$1" "/run/ebb-node-$1" &&
  mount -t tmpfs -o mode=711 tmpfs "/run/ebb-node-$1/fs" &&
  echo "ok $2"
}
link() { ip link set "nv$1" "$2" && echo "ok $1"; }
exec 3<&0 </dev/null
set +e
{
  echo ready
  while read -r verb a b c d <&3; do
    case $verb in
      node) node "$a" "$b" "$c" "$d" || echo "failed $a" ;;
      link) link "$a" "$b" || echo "failed $a" ;;
    esac
  done
  trap '' TERM INT HUP
} &
wait $!
kill -KILL -1 2>/dev/null
cd /
# With all that is mounted below: a folder that is a mount point anywhere cannot be removed, and nothing is removed through one.
for node in /run/ebb-node-*; do umount -l "$node" 2>/dev/null; done
chmod -R u+rwX -- "$dir" 2>/dev/null
rm -rf -- "$dir"
exit 0
`

/**
 * Where there are no namespaces: outlives ebb, and when its pipe ends, kills whatever carries the fabric's mark in its
 * environment, and all below that, until nothing does, then removes the run directory. Launchers and shims go last: a shim is
 * given whatever below it loses its parent, and so nothing gets out of sight that has cleared its environment.
 *   arguments: RUN_DIRECTORY MARK (e.g. EBB_FABRIC=0f3a)
 */
export const WATCHDOG_SCRIPT = `
exec 3<&0 </dev/null
echo ready
while read -r _ <&3; do :; done
tree() {
  set -- $(cat "/proc/$1/task/$1/children" 2>/dev/null)
  for pid do echo "$pid"; ( tree "$pid" ); done
}
keeps() { grep -qsa -e ebb-launcher.sh -e /ebb-shim "/proc/$1/cmdline"; }
round=0
while [ $round -lt 50 ]; do
  found= keepers=
  for file in $(grep -lsazx -e "$2" /proc/[0-9]*/environ 2>/dev/null); do
    pid=\${file#/proc/}; pid=\${pid%/environ}
    [ "$pid" = $$ ] && continue
    for pid in "$pid" $(tree "$pid"); do
      grep -qs '^State:[[:space:]]*[ZX]' "/proc/$pid/status" && continue
      if keeps "$pid"; then keepers="$keepers $pid"
      else kill -KILL "$pid" 2>/dev/null && found=1
      fi
    done
  done
  if [ -z "$found" ]; then
    [ -n "$keepers" ] || break
    kill -KILL $keepers 2>/dev/null
  fi
  round=$((round + 1))
done
cd /
chmod -R u+rwX -- "$1" 2>/dev/null
rm -rf -- "$1"
exit 0
`
