#!/bin/sh
# Makes the database ready for Guacamole, any number of times: the schema when it is missing, and the administrator's account
# with the name and the password of its Secret. One transaction: Guacamole never starts on half a schema.
set -eu

here=$(dirname "$0")
schema=${SCHEMA_FILE:-/schema/schema.sql}

ask() {
  psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1
}

run() {
  psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --single-transaction --output=/dev/null "$@"
}

attempts=90
until pg_isready --quiet; do
  attempts=$((attempts - 1))
  if [ "$attempts" -eq 0 ]; then
    echo "PostgreSQL at $PGHOST does not answer after 3 minutes: look at the logs of its pod" >&2
    exit 1
  fi
  sleep 2
done

if [ "$(echo "SELECT to_regclass('public.guacamole_user') IS NULL" | ask)" = t ]; then
  run --file="$schema" --file="$here/rename-administrator.sql" --file="$here/administrator.sql"
  echo "Made the schema and the account $ADMIN_USERNAME."
  exit
fi

known=$(ask <<'SQL'
\getenv username ADMIN_USERNAME
SELECT count(*) FROM guacamole_entity WHERE type = 'USER' AND name = :'username'
SQL
)
if [ "$known" = 0 ]; then
  echo "Guacamole's database has no user $ADMIN_USERNAME: set guacamole.admin.username to the name of its administrator" >&2
  exit 1
fi
run --file="$here/administrator.sql"
echo "The schema was there; the account $ADMIN_USERNAME has the Secret's password."
