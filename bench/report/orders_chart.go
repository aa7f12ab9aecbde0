package report

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"

	"github.com/necrostack/necrostack/bench/orders/through"
)

// sweepCharts are the pictures of a sweep.
func sweepCharts(s through.Sweep) []Chart {
	name := "orders-" + string(s.Kind)
	return []Chart{
		{name + "-latency.svg", func() (*plot.Plot, error) { return drawLatency(s) }},
		{name + "-throughput.svg", func() (*plot.Plot, error) { return drawThroughput(s) }},
		{name + "-queues.svg", func() (*plot.Plot, error) { return drawQueues(s) }},
	}
}

// drawLatency is the distribution at each rate, the rarer the further right.
func drawLatency(s through.Sweep) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = "Latency from when an order was due: " + s.Name
	p.X.Label.Text, p.Y.Label.Text = "percentile", "milliseconds"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, percentiles
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	for k, x := range s.Points {
		points := make(plotter.XYs, len(x.Curve))
		for i, m := range x.Curve {
			points[i] = plotter.XY{X: m.Odds, Y: float64(m.Value) / 1e6}
		}
		if err := addLine(p, points, k, rate(x.Rate)+"/s"); err != nil {
			return nil, err
		}
	}
	p.X.Min, p.X.Max = 2, max(p.X.Max, 10)
	p.X.Max *= math.Pow(p.X.Max/p.X.Min, legendShare)
	return p, nil
}

// percentiles marks the axis on which 100 means the 99th.
var percentiles = plot.ConstantTicks{
	{Value: 2, Label: "50"}, {Value: 10, Label: "90"}, {Value: 100, Label: "99"}, {Value: 1e3, Label: "99.9"},
	{Value: 1e4, Label: "99.99"}, {Value: 1e5, Label: "99.999"}, {Value: 1e6, Label: "99.9999"},
}

// drawThroughput is what was done of what was offered; the knee is where the lines part.
func drawThroughput(s through.Sweep) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = "Throughput over load: " + s.Name
	p.X.Label.Text, p.Y.Label.Text = "thousand orders due per second", "thousand results per second"
	p.X.Min, p.Y.Min = 0, 0
	p.Legend.Top, p.Legend.Left = true, true
	done, offered := make(plotter.XYs, len(s.Points)), plotter.XYs{{X: 0, Y: 0}}
	for i, x := range s.Points {
		done[i] = plotter.XY{X: x.Rate / 1e3, Y: x.Achieved / 1e3}
		offered = append(offered, plotter.XY{X: x.Rate / 1e3, Y: x.Rate / 1e3})
	}
	if err := addLine(p, done, 0, "done"); err != nil {
		return nil, err
	}
	if err := addLine(p, offered, 1, "offered"); err != nil {
		return nil, err
	}
	if knee, ok := s.Knee(); ok {
		at := plotter.XYs{{X: knee.Rate / 1e3, Y: 0}, {X: knee.Rate / 1e3, Y: knee.Rate / 1e3}}
		if err := addLine(p, at, 2, "knee"); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// drawQueues is how many orders had no result while others came.
func drawQueues(s through.Sweep) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = "Orders that were due and had no result: " + s.Name
	p.X.Label.Text, p.Y.Label.Text = "seconds", "orders"
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	p.Y.Min, p.Y.Max = 1, 10
	for k, x := range s.Points {
		points := make(plotter.XYs, len(x.Depths))
		for i, d := range x.Depths {
			// None is drawn as one: there is no zero on this axis.
			points[i] = plotter.XY{X: d.At.Seconds(), Y: float64(max(d.Unfinished, 1))}
		}
		if err := addLine(p, points, k, rate(x.Rate)+"/s"); err != nil {
			return nil, err
		}
	}
	p.X.Max += legendShare * (p.X.Max - p.X.Min)
	return p, nil
}

// legendShare is how much longer an axis is so that its lines do not run through the legend.
const legendShare = 0.15

// addLine draws a series; one without points is left out.
func addLine(p *plot.Plot, points plotter.XYs, k int, name string) error {
	if len(points) == 0 {
		return nil
	}
	line, err := plotter.NewLine(points)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	line.Color, line.Dashes = plotutil.Color(k), plotutil.Dashes(k/7)
	p.Add(line)
	p.Legend.Add(name, line)
	return nil
}
