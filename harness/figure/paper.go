package figure

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"regexp"
	"strings"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgeps"
	"gonum.org/v1/plot/vg/vgtex"
)

// epsHead is the part of gonum's EPS header that is mended: its first line has a
// character too many to be recognised, its bounding box must be whole numbers, and
// its date changes from one drawing to the next.
var epsHead = regexp.MustCompile(`(?s)^%%!PS.*?%%EndComments\n`)

// EPS is the figure as encapsulated PostScript. Its text is outlines: PostScript
// would look for the font where it is printed, and knows no encoding that has all
// of its characters.
func (f *Figure) EPS() ([]byte, error) {
	c := vgeps.New(f.wide(), f.height)
	f.draw(draw.NewCanvas(&outlined{Canvas: c, clear: []bool{false}}, f.wide(), f.height))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("figure %s: %w", f.Name, err)
	}
	head := fmt.Sprintf("%%!PS-Adobe-3.0 EPSF-3.0\n%%%%Creator: ceteris\n%%%%Title: %s\n%%%%BoundingBox: 0 0 %.0f %.0f\n%%%%EndComments\n",
		f.Name, math.Ceil(f.wide().Points()), math.Ceil(f.height.Points()))
	return epsHead.ReplaceAllLiteral(b.Bytes(), []byte(head)), nil
}

// outlined draws text as the outlines of its characters, and nothing of what is
// transparent, which PostScript does not know.
type outlined struct {
	vg.Canvas
	clear []bool // by [vg.Canvas.Push]: whether the colour is transparent
}

func (o *outlined) Push() {
	o.clear = append(o.clear, o.clear[len(o.clear)-1])
	o.Canvas.Push()
}

func (o *outlined) Pop() {
	o.clear = o.clear[:len(o.clear)-1]
	o.Canvas.Pop()
}

// SetColor takes an opaque colour, one that draws nothing, or one between as it
// looks on white.
func (o *outlined) SetColor(c color.Color) {
	if c == nil {
		c = color.Black
	}
	r, g, b, a := c.RGBA()
	o.clear[len(o.clear)-1] = a == 0
	left := math.MaxUint16 - a // of the white below; the others are multiplied already
	o.Canvas.SetColor(color.RGBA64{R: uint16(r + left), G: uint16(g + left), B: uint16(b + left), A: math.MaxUint16})
}

func (o *outlined) Fill(p vg.Path) {
	if !o.clear[len(o.clear)-1] {
		o.Canvas.Fill(p)
	}
}

func (o *outlined) Stroke(p vg.Path) {
	if !o.clear[len(o.clear)-1] {
		o.Canvas.Stroke(p)
	}
}

// FillString fills the outlines of s, kerned as its width was reckoned.
func (o *outlined) FillString(f font.Face, at vg.Point, s string) {
	var buf sfnt.Buffer
	em := fixed.Int26_6(f.Face.UnitsPerEm())
	scale := f.Font.Size / vg.Length(em)
	point := func(p fixed.Point26_6) vg.Point { // y points down in a font
		return vg.Point{X: at.X + vg.Length(p.X)*scale, Y: at.Y - vg.Length(p.Y)*scale}
	}
	var last sfnt.GlyphIndex
	for i, r := range s {
		glyph, err := f.Face.GlyphIndex(&buf, r)
		if err != nil {
			panic(fmt.Sprintf("figure: the font has no index of %q: %v", r, err)) // it was measured before
		}
		if i > 0 {
			if kern, err := f.Face.Kern(&buf, last, glyph, em, 0); err == nil {
				at.X += vg.Length(kern) * scale
			}
		}
		segments, err := f.Face.LoadGlyph(&buf, glyph, em, nil)
		if err != nil {
			panic(fmt.Sprintf("figure: the font has no outline of %q: %v", r, err))
		}
		var path vg.Path
		for _, s := range segments {
			a := s.Args
			switch s.Op {
			case sfnt.SegmentOpMoveTo:
				path.Move(point(a[0]))
			case sfnt.SegmentOpLineTo:
				path.Line(point(a[0]))
			case sfnt.SegmentOpQuadTo:
				// As a cubic curve, exactly: the EPS canvas takes one control point twice.
				from, mid, to := path[len(path)-1].Pos, point(a[0]), point(a[1])
				third := func(p vg.Point) vg.Point { return p.Add(mid.Sub(p).Scale(2.0 / 3)) }
				path.CubeTo(third(from), third(to), to)
			case sfnt.SegmentOpCubeTo:
				path.CubeTo(point(a[0]), point(a[1]), point(a[2]))
			}
		}
		if len(path) > 0 {
			path.Close()
			o.Fill(path)
		}
		if advance, err := f.Face.GlyphAdvance(&buf, glyph, em, 0); err == nil {
			at.X += vg.Length(advance) * scale
		}
		last = glyph
	}
}

// PGF is the figure for \input into LaTeX, which sets its text in the document's
// own font; it wants \usepackage{pgf}.
func (f *Figure) PGF() ([]byte, error) {
	c := vgtex.New(f.wide(), f.height)
	f.draw(draw.NewCanvas(typeset{c}, f.wide(), f.height))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("figure %s: %w", f.Name, err)
	}
	return []byte(pgfNames.Replace(b.String())), nil
}

// pgfNames gives commands that gonum knows by the names of PGF before 1.0 those of
// today.
var pgfNames = strings.NewReplacer(`\pgflineto`, `\pgfpathlineto`, `\pgfcurveto`, `\pgfpathcurveto`, `% path-close`, `\pgfpathclose`)

// typeset hands text to LaTeX with what means something there escaped.
type typeset struct{ *vgtex.Canvas }

var latex = strings.NewReplacer(
	`\`, `\textbackslash{}`, `{`, `\{`, `}`, `\}`, `%`, `\%`, `_`, `\_`, `&`, `\&`, `#`, `\#`, `$`, `\$`,
	`~`, `\textasciitilde{}`, `^`, `\textasciicircum{}`, `<`, `\textless{}`, `>`, `\textgreater{}`,
	"µ", `\ensuremath{\mu}`, "×", `\ensuremath{\times}`, "·", `\ensuremath{\cdot}`, "–", `--`, "±", `\ensuremath{\pm}`, "→", `\ensuremath{\rightarrow}`,
	"≤", `\ensuremath{\le}`, "≥", `\ensuremath{\ge}`, "²", `\ensuremath{^2}`, "√", `\ensuremath{\surd}`, "ρ", `\ensuremath{\rho}`, "λ", `\ensuremath{\lambda}`,
	"α", `\ensuremath{\alpha}`, "β", `\ensuremath{\beta}`, "γ", `\ensuremath{\gamma}`, "’", `'`, "…", `\ldots{}`,
)

// FillString sets s.
func (t typeset) FillString(f font.Face, at vg.Point, s string) {
	at.X -= 0.5 * f.Width(latex.Replace(s)) // the canvas centres by the width of what it is given
	at.X += 0.5 * f.Width(s)
	t.Canvas.FillString(f, at, latex.Replace(s))
}
