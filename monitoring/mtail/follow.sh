# In Docker: reads /log/access.log as Nginx writes it, and empties it at 8 MB. Nginx appends, so it goes on at the new end; what it wrote within the
# last quarter of a second before that isn't counted.
LOG=/log/access.log
while sleep 5; do
  [[ ! -f $LOG || $(stat -c %s $LOG) -lt 8388608 ]] || : >$LOG
done &
exec mtail -logtostderr -progs=/etc/mtail -logs=$LOG -emit_prog_label=false -address=0.0.0.0 -port=3903
