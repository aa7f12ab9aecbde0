package report

import (
	"fmt"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/necrostack/necrostack/bench/chain"
	"github.com/necrostack/necrostack/bench/growth"
)

// Files of the charts.
const (
	contestChart = "chain.svg"
	growthChart  = "growth.svg"
	memoryChart  = "memory.svg"
)

const (
	chartWidth  = 8 * vg.Inch
	chartHeight = 4.5 * vg.Inch
)

// drawContest is a bar per contestant, from its median, and a line from the lowest to the highest.
func drawContest(r chain.Result) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = "Chain A→B→C→D"
	p.X.Label.Text = "million hops per second"
	p.X.Min = 0
	names := make([]string, len(r.Rows))
	labels := plotter.XYLabels{XYs: make(plotter.XYs, len(r.Rows)), Labels: make([]string, len(r.Rows))}
	for i, row := range r.Rows {
		at := len(r.Rows) - 1 - i // the first one on top
		s := row.Rate()
		names[at] = row.Name
		labels.XYs[i] = plotter.XY{X: s.High / 1e6, Y: float64(at)}
		labels.Labels[i] = " " + rate(s.Median)
		if err := addBar(p, at, s.Median/1e6, kindColor(row.Kind)); err != nil {
			return nil, err
		}
		if err := addRange(p, at, s.Low/1e6, s.High/1e6); err != nil {
			return nil, err
		}
	}
	p.NominalY(names...)
	values, err := plotter.NewLabels(labels)
	if err != nil {
		return nil, err
	}
	for i := range values.TextStyle {
		values.TextStyle[i].YAlign = draw.YCenter
	}
	p.Add(values)
	p.X.Max *= 1.1 // room for the last label
	return p, nil
}

func addBar(p *plot.Plot, at int, value float64, c color.Color) error {
	bar, err := plotter.NewBarChart(plotter.Values{value}, vg.Points(12))
	if err != nil {
		return err
	}
	bar.Horizontal, bar.XMin = true, float64(at)
	bar.Color, bar.LineStyle.Width = c, 0
	p.Add(bar)
	return nil
}

func addRange(p *plot.Plot, at int, low, high float64) error {
	line, err := plotter.NewLine(plotter.XYs{{X: low, Y: float64(at)}, {X: high, Y: float64(at)}})
	if err != nil {
		return err
	}
	line.Width = vg.Points(1)
	p.Add(line)
	return nil
}

func kindColor(k chain.Kind) color.Color {
	switch k {
	case chain.Ours:
		return color.RGBA{R: 0x3b, G: 0x7d, B: 0xd8, A: 0xff}
	case chain.Watermill:
		return color.RGBA{R: 0xd8, G: 0x8a, B: 0x3b, A: 0xff}
	default:
		return color.RGBA{R: 0xa0, G: 0xa0, B: 0xa0, A: 0xff}
	}
}

// drawGrowth shows how often the cost of the first point every other point costs.
func drawGrowth(r growth.Result) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = "Cost per event, first point = 1"
	p.X.Label.Text = "organs, keys, workers, bytes"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, powersOfTwo{}
	p.Legend.Top, p.Legend.Left = true, true
	k := 0
	for _, c := range r.Curves {
		if strings.HasPrefix(c.Name, "failures") {
			continue // begins at 0, which has no place on this axis
		}
		if err := addCurve(p, c, k); err != nil {
			return nil, err
		}
		k++
	}
	p.Y.Min, p.Y.Max = min(p.Y.Min, 0.5), max(p.Y.Max, 2)
	return p, nil
}

func addCurve(p *plot.Plot, c growth.Curve, k int) error {
	points := make(plotter.XYs, len(c.Dots))
	for i, d := range c.Dots {
		points[i] = plotter.XY{X: d.At, Y: c.Ratio(i).Median}
	}
	line, dots, err := plotter.NewLinePoints(points)
	if err != nil {
		return err
	}
	line.Color, dots.Color, dots.Shape = plotutil.Color(k), plotutil.Color(k), plotutil.Shape(k)
	p.Add(line, dots)
	p.Legend.Add(c.Name, line, dots)
	return nil
}

// powersOfTwo marks an axis of ratios.
type powersOfTwo struct{}

func (powersOfTwo) Ticks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for e := math.Floor(math.Log2(low)); e <= math.Ceil(math.Log2(high)); e++ {
		if v := math.Exp2(e); v >= low && v <= high {
			ticks = append(ticks, plot.Tick{Value: v, Label: fmt.Sprintf("%g", v)})
		}
	}
	return ticks
}

// drawMemory is the heap over the run, of what counts as events there.
func drawMemory(m growth.Memory, events string) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = "Heap in use, idle, after a collection"
	p.X.Label.Text, p.Y.Label.Text = events, "MB"
	points := make(plotter.XYs, len(m.Heap))
	for i, h := range m.Heap {
		points[i] = plotter.XY{X: float64(i*m.Step) / 1e6, Y: float64(h) / 1e6}
	}
	line, dots, err := plotter.NewLinePoints(points)
	if err != nil {
		return nil, err
	}
	p.Add(line, dots)
	p.Y.Min = 0
	return p, nil
}
