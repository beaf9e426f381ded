#!/bin/bash
# Starts a node of a cluster of three pods: db-0, db-1 and db-2 of the headless Service db. Its data does not outlive it: a
# node that starts gets a copy from another one. db-0 begins the cluster where no other node serves.
# ROOT_PASSWORD is that of root, POD_IP the address of this pod.
set -euo pipefail

nodes=(db-0 db-1 db-2)
data=/var/lib/mysql
run=/run/mysqld

serves() { timeout 1 bash -c "exec 3<>/dev/tcp/$1.db/3306" 2>/dev/null; }

is_another_serving() {
    local node
    for node in "${nodes[@]}"; do
        [ "$node" = "$HOSTNAME" ] || ! serves "$node" || return 0
    done
    return 1
}

rm -rf "${data:?}"/*
first=()
if [ "$HOSTNAME" = db-0 ] && ! is_another_serving; then
    mariadb-install-db --no-defaults --datadir=$data --auth-root-authentication-method=normal --skip-test-db >/dev/null
    # haproxy_check is the account of HAProxy's check (docs/databases.md).
    cat >$run/init.sql <<SQL
CREATE USER root@'%' IDENTIFIED BY '$ROOT_PASSWORD';
GRANT ALL PRIVILEGES ON *.* TO root@'%' WITH GRANT OPTION;
CREATE USER haproxy_check@'%' IDENTIFIED VIA mysql_native_password USING '';
SQL
    first=(--wsrep-new-cluster --init-file=$run/init.sql)
else
    until is_another_serving; do sleep 0.3; done
fi

# A node that gives its data to another one passes no check meanwhile. HAProxy prefers the first ones as the writer.
donor=db-2
[ "$HOSTNAME" != db-2 ] || donor=db-1

# A node that is silent for a second leaves, as docs/databases.md recommends; the rest makes it small.
mariadbd --no-defaults \
    --datadir=$data --socket=$run/mysqld.sock --pid-file=$run/mysqld.pid \
    --bind-address=0.0.0.0 --skip-name-resolve --max-connections=200 --performance-schema=off \
    --character-set-server=utf8mb4 --collation-server=utf8mb4_general_ci \
    --innodb-buffer-pool-size=48M --innodb-log-file-size=16M --innodb-flush-log-at-trx-commit=1 \
    --innodb-autoinc-lock-mode=2 --binlog-format=ROW \
    --wsrep-on=ON --wsrep-provider=/usr/lib/galera/libgalera_smm.so --wsrep-cluster-name=doorward \
    --wsrep-cluster-address="gcomm://$(IFS=,; echo "${nodes[*]/%/.db}")" \
    --wsrep-node-name="$HOSTNAME" --wsrep-node-address="$POD_IP" --wsrep-sst-method=rsync --wsrep-sst-donor="$donor," --wsrep-slave-threads=2 \
    --wsrep-provider-options="evs.keepalive_period=PT0.3S;evs.join_retrans_period=PT0.3S;evs.suspect_timeout=PT1S;evs.inactive_timeout=PT3S;evs.inactive_check_period=PT0.3S;repl.causal_read_timeout=PT2S;gcache.size=32M" \
    "${first[@]}" &
# Not the first process of the container, which its own processes cannot kill.
server=$!
trap 'kill -TERM $server' TERM USR1
wait $server || wait $server
