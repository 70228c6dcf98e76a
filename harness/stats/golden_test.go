package stats

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"
)

// golden is testdata/golden.json, which testdata/golden.py made with SciPy and
// statsmodels.
type golden struct {
	Rope       float64 `json:"rope"`
	SignedRank []struct {
		Name     string    `json:"name"`
		D        []float64 `json:"d"`
		Estimate float64   `json:"estimate"`
		Lo       float64   `json:"lo"`
		Hi       float64   `json:"hi"`
		Level    float64   `json:"level"`
		Less     float64   `json:"less"`
		Greater  float64   `json:"greater"`
		TwoSided float64   `json:"two_sided"`
		NotBelow float64   `json:"not_below"`
		NotAbove float64   `json:"not_above"`
	} `json:"signed_rank"`
	Holm []struct {
		P        []float64 `json:"p"`
		Adjusted []float64 `json:"adjusted"`
	} `json:"holm"`
	Trends []struct {
		Name  string    `json:"name"`
		D     []float64 `json:"d"`
		P     float64   `json:"p"`
		Slope float64   `json:"slope"`
	} `json:"trends"`
	Fisher []struct {
		Table [4]int  `json:"table"` // happened, of, happened, of
		P     float64 `json:"p"`
	} `json:"fisher"`
}

func readGolden(t *testing.T) golden {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.SignedRank) < 20 || len(g.Holm) < 5 || len(g.Trends) < 10 || len(g.Fisher) < 20 {
		t.Fatalf("%d, %d, %d and %d cases, want at least 20, 5, 10 and 20", len(g.SignedRank), len(g.Holm), len(g.Trends), len(g.Fisher))
	}
	return g
}

func TestSciPyAgrees(t *testing.T) {
	g := readGolden(t)
	for _, c := range g.SignedRank {
		s, err := HodgesLehmann(c.D)
		if err != nil {
			t.Fatal(err)
		}
		w, err := Wilcoxon(c.D)
		if err != nil {
			t.Fatal(err)
		}
		e, err := TOST(c.D, g.Rope)
		if err != nil {
			t.Fatal(err)
		}
		near(t, c.Name+": estimate", s.Estimate, c.Estimate, 1e-9)
		near(t, c.Name+": lower end", s.Lo, c.Lo, 1e-9)
		near(t, c.Name+": upper end", s.Hi, c.Hi, 1e-9)
		near(t, c.Name+": level", s.Level, c.Level, 1e-9)
		near(t, c.Name+": less", w.Less, c.Less, 1e-9)
		near(t, c.Name+": greater", w.Greater, c.Greater, 1e-9)
		near(t, c.Name+": two-sided", w.TwoSided(), c.TwoSided, 1e-9)
		near(t, c.Name+": not below the rope", e.NotBelow, c.NotBelow, 1e-9)
		near(t, c.Name+": not above the rope", e.NotAbove, c.NotAbove, 1e-9)
	}
}

func TestStatsmodelsAgrees(t *testing.T) {
	for i, c := range readGolden(t).Holm {
		got, err := Holm(c.P)
		if err != nil {
			t.Fatal(err)
		}
		for j := range got {
			if math.Abs(got[j]-c.Adjusted[j]) > 1e-12 {
				t.Errorf("family %d: got %v, want %v", i, got, c.Adjusted)
			}
		}
	}
}

func TestSciPyAgreesOnTrends(t *testing.T) {
	for _, c := range readGolden(t).Trends {
		near(t, c.Name+": p", MannKendall(c.D), c.P, 1e-9)
		near(t, c.Name+": slope", TheilSen(c.D), c.Slope, 1e-9)
	}
}

func TestSciPyAgreesOnFisher(t *testing.T) {
	for _, c := range readGolden(t).Fisher {
		near(t, fmt.Sprintf("%d: p", c.Table), Fisher(c.Table[0], c.Table[1], c.Table[2], c.Table[3]), c.P, 1e-9)
	}
}
