# Waits for one line on its input, then becomes the program given as arguments. When the owner
# dies before it wrote the line the input ends, and the program is never started.
read -r _ && exec "$@" </dev/null
