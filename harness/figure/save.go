package figure

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgpdf"
	"gonum.org/v1/plot/vg/vgsvg"
)

// SVG is the figure in the format that everything else is checked by.
func (f *Figure) SVG() ([]byte, error) {
	c := vgsvg.New(f.wide(), f.height)
	f.draw(draw.New(c))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("figure %s: %w", f.Name, err)
	}
	// A reader without the font gets one of the same widths.
	return bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans;"),
		[]byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;")), nil
}

// pdfDate is the only thing in a PDF that changes from one drawing to the next.
var pdfDate = regexp.MustCompile(`/(CreationDate|ModDate) \(D:\d{14}\)`)

// PDF is the figure with its font embedded and without a date.
func (f *Figure) PDF() ([]byte, error) {
	c := vgpdf.New(f.wide(), f.height)
	f.draw(draw.NewCanvas(latin{c}, f.wide(), f.height))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("figure %s: %w", f.Name, err)
	}
	// As long as before, because the file's table of objects counts bytes.
	return pdfDate.ReplaceAll(b.Bytes(), []byte("/$1 (D:20000101000000)")), nil
}

// latin hands text to the PDF in the encoding that its font was embedded with.
type latin struct{ *vgpdf.Canvas }

// FillString converts s to Latin-1; a character outside it becomes a question mark.
func (l latin) FillString(f font.Face, at vg.Point, s string) {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xFF {
			r = '?'
		}
		b = append(b, byte(r))
	}
	l.Canvas.FillString(f, at, string(b))
}

// PNG is the figure at 150 dots per inch.
func (f *Figure) PNG() ([]byte, error) {
	c := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(f.wide(), f.height), vgimg.UseDPI(150))}
	f.draw(draw.New(c))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("figure %s: %w", f.Name, err)
	}
	return b.Bytes(), nil
}

// Formats are all that a figure can be written in; a report has those of [Saved].
var Formats = []string{"svg", "pdf", "png", "eps", "pgf", "csv"}

// Saved are the formats that Save writes.
var Saved = []string{"svg", "pdf", "png", "csv"}

// Save writes the figure and its data into dir.
func (f *Figure) Save(dir string) error { return f.SaveAs(dir, Saved) }

// SaveAs writes the figure into dir in these of [Formats].
func (f *Figure) SaveAs(dir string, formats []string) error {
	for _, ext := range formats {
		var b []byte
		var err error
		switch ext {
		case "svg":
			b, err = f.SVG()
		case "pdf":
			b, err = f.PDF()
		case "png":
			b, err = f.PNG()
		case "eps":
			b, err = f.EPS()
		case "pgf":
			b, err = f.PGF()
		case "csv":
			b = f.CSV
		default:
			err = fmt.Errorf("figure %s: no format %q", f.Name, ext)
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name+"."+ext), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}
