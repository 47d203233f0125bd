#!/bin/sh
# What cron would be in a container: `whoopster-schedule 15 7 command…` runs the command every 15 minutes, counted from
# minute 7 of the hour; one at a time, and until a signal. The signal is handed on, and what was running may finish.
set -u
every=$(($1 * 60))
from=$(($2 * 60))
shift 2

child=''
ending=''
stop() {
  ending=yes
  [ -z "$child" ] || kill -TERM "$child" 2>/dev/null
}
trap stop HUP INT QUIT TERM

# Waits for a command; a signal ends the waiting, but not before the command has ended.
attend() {
  "$@" &
  child=$!
  [ -z "$ending" ] || kill -TERM "$child" 2>/dev/null # it came before we knew whom to tell
  while kill -0 "$child" 2>/dev/null; do wait "$child" 2>/dev/null; done
  child=''
}

turn() {
  echo $((($(date +%s) - from) / every))
}

left() {
  echo $((every - ($(date +%s) - from) % every))
}

echo "{\"level\":\"info\",\"time\":\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\",\"msg\":\"first run in $(left) seconds: $*\"}"
last=$(turn)
while [ -z "$ending" ]; do
  if [ "$(turn)" != "$last" ]; then
    attend "$@"
    last=$(turn) # what went by meanwhile is not made up for: a sync fetches all since the last one
  else
    # Not all of it at once: a machine that was asleep, or a clock that was set, is noticed within the minute.
    pause=$(left)
    attend sleep $((pause < 60 ? pause : 60))
  fi
done
