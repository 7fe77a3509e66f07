# Holds the read end of a pipe whose only writer is the owner. The word "done" means that the
# process group $1 has ended; the end of the input means that the owner has died, however that
# happened, so the group must not outlive it.
trap '' HUP INT TERM
read -r word
[ "$word" = done ] || kill -s KILL -- "-$1"
