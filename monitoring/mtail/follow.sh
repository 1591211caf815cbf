# In Docker: reads /log/access.log as Nginx writes it, and truncates it at 8 MB. Nginx appends, so it continues at the new end; lines
# written in the last quarter of a second before that aren't counted.
LOG=/log/access.log
while sleep 5; do
  [[ ! -f $LOG || $(stat -c %s $LOG) -lt 8388608 ]] || : >$LOG
done &
exec mtail -logtostderr -progs=/etc/mtail -logs=$LOG -emit_prog_label=false -address=0.0.0.0 -port=3903
