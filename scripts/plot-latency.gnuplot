# Draws what lubdub-swarm --csv wrote: for each fault and side, the share of the detections made within a time.
# gnuplot -c plot-latency.gnuplot swarm.csv plot.svg

csv = ARG1
plot = ARG2

set terminal svg size 960,540 font "sans-serif,13" background "white"
if (plot[strlen(plot) - 3:] eq ".png") set terminal pngcairo size 960,540 font "sans-serif,11"
set output plot

set title "How soon a death is known"
set xlabel "milliseconds from the fault to the verdict"
set ylabel "share of the detections"
set logscale x
set yrange [0:1.05]
set format y "%.1f"
set grid
set key outside right

# Columns: 1 fault, 2 side, 6 latency in milliseconds; the first line is their names. A zero has no place on the axis.
kinds = system("awk -F, 'NR > 1 && !seen[$1 \":\" $2]++ { print $1 \":\" $2 }' '" . csv . "'")
latencies(kind) = "< awk -F, -v kind=" . kind . " '$1 \":\" $2 == kind { print $6 < 0.01 ? 0.01 : $6 }' '" . csv . "'"
plot for [kind in kinds] latencies(kind) using 1:(1) smooth cnormal linewidth 2 title kind
