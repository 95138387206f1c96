module load cuda/12.4 'odd module'
export CACHE="${HOME}/.cache"
ulimit -n 65536
