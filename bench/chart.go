//go:build linux

package main

import (
	"bytes"
	"cmp"
	"fmt"
	"html"
	"image/color"
	"math"
	"os"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A chart is a drawing of lines over a logarithmic y axis.
type chart struct {
	name, title string
	x, y        string // what the axes show
	xTicks      plot.ConstantTicks
	xLog        bool
	perY        float64  // values per unit of the y axis, with waits
	waits       bool     // percentiles of one comparison, not one point per comparison
	without     []string // rows that look like others
}

const (
	width, height = 22 * vg.Centimeter, 12 * vg.Centimeter
	legendWidth   = 7.6 * vg.Centimeter
	labelRoom     = 0.6 * vg.Centimeter // for the label of an axis
)

// draw writes an SVG file of what was measured on a machine.
func (c chart) draw(path, machine string, all []series) error {
	p, legend, err := c.plot(all)
	if err != nil {
		return err
	}
	svg := vgsvg.New(width, height)
	canvas := draw.New(svg)
	canvas.FillPolygon(color.White, []vg.Point{ // so that it is readable in dark mode
		{X: 0, Y: 0}, {X: width, Y: 0}, {X: width, Y: height}, {X: 0, Y: height},
	})
	margin := vg.Points(8)
	lines := draw.Crop(canvas, margin+labelRoom, -legendWidth, margin+labelRoom, -margin)
	p.Draw(lines)
	c.label(canvas, p.DataCanvas(lines))
	// The legend is beside the lines and hides none.
	beside := draw.Crop(canvas, width-legendWidth+margin, 0, 0, -vg.Points(36))
	legend.Draw(beside)
	note(beside, machine)
	return write(path, svg, c.title, c.describe(machine, all))
}

// note says below the legend how to read the chart, and what it was measured on, one
// fact per line.
func note(canvas draw.Canvas, machine string) {
	style := plot.New().X.Label.TextStyle
	sans(&style, 9)
	style.XAlign, style.YAlign = draw.XLeft, draw.YBottom
	text := "Lower is better.\n" + strings.ReplaceAll(machine, ", ", "\n")
	canvas.FillText(style, vg.Point{X: canvas.Min.X, Y: vg.Points(26)}, text)
}

// describe is the chart in words, for screen readers: the value of each line at both
// ends, from the line that ends highest.
func (c chart) describe(machine string, all []series) string {
	var text strings.Builder
	fmt.Fprintf(&text, "Lower is better. Measured on %s. From left to right: %s. Upwards: %s.", machine, c.x, c.y)
	for _, s := range fromTheTop(all) {
		first, last := s.points[0], s.points[len(s.points)-1]
		fmt.Fprintf(&text, " %s: from %.4g to %.4g.", s.name, first.Y, last.Y)
	}
	return text.String()
}

// fromTheTop sorts lines by where they end, the highest first.
func fromTheTop(all []series) []series {
	return slices.SortedStableFunc(slices.Values(all), func(a, b series) int {
		return cmp.Compare(b.points[len(b.points)-1].Y, a.points[len(a.points)-1].Y)
	})
}

// label says what the axes show. The plotting library's own labels take room at the
// wrong place where the scale is logarithmic.
func (c chart) label(canvas, lines draw.Canvas) {
	style := plot.New().X.Label.TextStyle
	sans(&style, 11)
	style.XAlign, style.YAlign = draw.XCenter, draw.YBottom
	canvas.FillText(style, vg.Point{X: lines.Center().X, Y: vg.Points(6)}, c.x)
	style.Rotation, style.YAlign = math.Pi/2, draw.YTop
	canvas.FillText(style, vg.Point{X: vg.Points(6), Y: lines.Center().Y}, c.y)
}

// write adds a title and a description for screen readers, and names fonts to fall back
// to, because the reader's machine may lack the one that texts were measured with. The
// plotting library does neither.
func write(path string, svg *vgsvg.Canvas, title, description string) error {
	var text bytes.Buffer
	if _, err := svg.WriteTo(&text); err != nil {
		return err
	}
	head, body, _ := strings.Cut(text.String(), "<svg ")
	attributes, body, _ := strings.Cut(body, ">\n")
	page := fmt.Sprintf("%s<svg role=\"img\" aria-labelledby=\"title\" aria-describedby=\"desc\" %s>\n"+
		"<title id=\"title\">%s</title>\n<desc id=\"desc\">%s</desc>\n%s",
		head, attributes, html.EscapeString(title), html.EscapeString(description), body)
	const font = "font-family:Liberation Sans"
	return os.WriteFile(path, []byte(strings.ReplaceAll(page, font+";", font+",Arial,Helvetica,sans-serif;")), 0o644)
}

func (c chart) plot(all []series) (*plot.Plot, plot.Legend, error) {
	p := c.axes()
	legend := plot.NewLegend()
	legend.Top, legend.Left, legend.Padding = true, true, vg.Points(5)
	sans(&legend.TextStyle, 10)
	p.Add(gridLines())
	entries := make(map[string][]plot.Thumbnailer)
	for _, s := range all {
		line, points, err := plotter.NewLinePoints(s.points)
		if err != nil {
			return nil, legend, err
		}
		line.LineStyle, points.GlyphStyle = styleOf(s.name)
		p.Add(line, points)
		entries[s.name] = []plot.Thumbnailer{line, points}
	}
	for _, s := range fromTheTop(all) {
		legend.Add(s.name, entries[s.name]...)
	}
	first, last := c.xTicks[0].Value, c.xTicks[len(c.xTicks)-1].Value
	if !c.waits { // the descriptors may have stopped early
		last = min(last, p.X.Max)
	}
	p.X.Min, p.X.Max = first, last
	p.Y.Min, p.Y.Max = p.Y.Min/1.3, p.Y.Max*1.3
	return p, legend, nil
}

func (c chart) axes() *plot.Plot {
	p := plot.New()
	p.Title.Text = c.title
	p.Title.Padding = vg.Points(8)
	p.X.Tick.Marker, p.Y.Tick.Marker = c.xTicks, logTicks{}
	p.Y.Scale = plot.LogScale{}
	if c.xLog {
		p.X.Scale = plot.LogScale{}
	}
	sans(&p.Title.TextStyle, 13)
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		sans(&a.Tick.Label, 10)
	}
	return p
}

func sans(style *draw.TextStyle, size vg.Length) {
	style.Font.Variant, style.Font.Size = "Sans", size
}

func gridLines() *plotter.Grid {
	g := plotter.NewGrid()
	pale := draw.LineStyle{Color: color.Gray{Y: 225}, Width: vg.Points(0.5)}
	g.Horizontal, g.Vertical = pale, pale
	return g
}

// logTicks labels 1, 2 and 5 of each power of ten, also where an axis spans
// less than one.
type logTicks struct{}

func (logTicks) Ticks(least, most float64) (ticks []plot.Tick) {
	for power := 1e-3; power <= most; power *= 10 {
		for _, digit := range []float64{1, 2, 5} {
			if v := digit * power; v >= least && v <= most {
				ticks = append(ticks, marks(v)...)
			}
		}
	}
	return ticks
}

// ours are drawn thick and in blue, by mode: the rows that are eventchan's.
// Of two in the same mode, the second is dashed.
var ours = map[string]ownStyle{
	viaFD.of(waitCall):          {viaFD, false},
	viaFD.of(selectCall):        {viaFD, true},
	handle.of(waitCall):         {handle, false},
	handle.of(selectCall):       {handle, true},
	batchRow:                    {handle, false},
	queueCRow:                   {handle, true},
	viaFD.of(inletRow):          {viaFD, false},
	handle.of(inletRow):         {handle, false},
	private.of(inletRow):        {private, false},
	viaFD.of(semaphoreObject):   {viaFD, false},
	handle.of(semaphoreObject):  {handle, false},
	private.of(semaphoreObject): {private, false},
}

type ownStyle struct {
	mode   mode
	dashed bool
}

var modeStyles = map[mode]struct {
	color color.Color
	shape draw.GlyphDrawer
}{
	viaFD:   {rgb(0x0B2A6B), draw.CircleGlyph{}},
	handle:  {rgb(0x1E88E5), draw.PyramidGlyph{}},
	private: {rgb(0x4FC3F7), draw.BoxGlyph{}},
}

// theirs are the others, each in a color of its own. With poor color vision one can
// distinguish them, and the points differ too.
var theirs = map[string]int{
	cOverEpoll: 0, floodOverEpoll: 0, cOverCondition: 1, floodOverCondition: 1,
	callbackRow: 2, sliceRow: 3, arrayRow: 1, atomicRow: 3, fileRow: 4, pipeRow: 5, readRow: 6,
	weightedRow: 0, channelRow: 2,
	filesRow: 4, readsRow: 6,
}

var others = []color.Color{
	rgb(0x000000), rgb(0x8C8C8C), rgb(0xD55E00), rgb(0xE69F00), rgb(0x7B4FA3), rgb(0x009E73), rgb(0xCC79A7),
}

var shapes = []draw.GlyphDrawer{
	draw.RingGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.CrossGlyph{}, draw.PlusGlyph{},
}

func styleOf(name string) (draw.LineStyle, draw.GlyphStyle) {
	if own, ok := ours[name]; ok {
		style := modeStyles[own.mode]
		line := draw.LineStyle{Color: style.color, Width: vg.Points(2.6)}
		if own.dashed {
			line.Dashes = []vg.Length{vg.Points(6), vg.Points(3)}
		}
		return line, draw.GlyphStyle{Color: style.color, Radius: vg.Points(3.4), Shape: style.shape}
	}
	k := theirs[name]
	return draw.LineStyle{Color: others[k], Width: vg.Points(1.1)},
		draw.GlyphStyle{Color: others[k], Radius: vg.Points(2.8), Shape: shapes[k%len(shapes)]}
}

func rgb(v uint32) color.Color {
	return color.RGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 255}
}
