package coverage

import "github.com/ceteris/ceteris/harness/stats"

// Tally counts what was said over many experiments about one percentile with one
// number of blocks.
type Tally struct {
	Experiments int
	Level       float64 // as printed beside the intervals
	Covered     int     // intervals of the effect that hold the true ratio
	FalseCI     int     // A/A intervals that exclude 1
	FalseCall   int     // A/A experiments reported as a difference
	FoundCI     int     // effects whose interval excludes 1 on the right side
	Found       int     // effects reported as a difference
	Unpaired    int     // FoundCI with every block of A held against the next block's B
	Equal       int     // reported as equal with the truth on the rope's edge
	TOST        int     // the same by two one-sided tests at 5 %, which no report claims by
}

// Family counts the statements about all percentiles at once, with Blocks blocks.
type Family struct {
	Experiments int
	Band        int // shift functions whose band holds every true ratio
	Holm        int // A/A families of p50, p90 and p99 with any claim at 5 %
	Textbook    int // order-statistic intervals of one cell's p99 that hold the truth
	Within      int // bootstrap intervals of one cell's p99 that hold the truth
}

func (t *Tally) add(o Tally) {
	t.Experiments += o.Experiments
	t.Level = o.Level
	t.Covered += o.Covered
	t.FalseCI += o.FalseCI
	t.FalseCall += o.FalseCall
	t.FoundCI += o.FoundCI
	t.Found += o.Found
	t.Unpaired += o.Unpaired
	t.Equal += o.Equal
	t.TOST += o.TOST
}

func (f *Family) add(o Family) {
	f.Experiments += o.Experiments
	f.Band += o.Band
	f.Holm += o.Holm
	f.Textbook += o.Textbook
	f.Within += o.Within
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// judge compares as the report does, and counts.
func judge(c []cells, p int, truth float64) (Tally, error) {
	t := Tally{Experiments: 1}
	e, err := stats.Compare(pairs(c, p, armA, armB, 0), nulls(c, p, armA, againA, armB, thirdB), 0)
	if err != nil {
		return t, err
	}
	lo, hi := ends(e)
	t.Level, t.Covered = e.Level, one(lo <= truth && truth <= hi)
	t.FoundCI = one(lo > 1)
	t.Found = one(e.Verdict == stats.Resolved && lo > 1)
	same, err := stats.Compare(pairs(c, p, againB, armB, 0), nulls(c, p, againB, thirdB, armB, thirdB), 0)
	if err != nil {
		return t, err
	}
	lo, hi = ends(same)
	t.FalseCI, t.FalseCall = one(lo > 1 || hi < 1), one(same.Verdict == stats.Resolved)
	loose, err := stats.Compare(pairs(c, p, armA, armB, 1), nil, 0)
	if err != nil {
		return t, err
	}
	lo, _ = ends(loose)
	t.Unpaired = one(lo > 1)
	edge, err := stats.Compare(pairs(c, p, armA, armB, 0), nil, truth-1)
	if err != nil {
		return t, err
	}
	equal, ok := edge.PEqual.Get()
	t.Equal, t.TOST = one(edge.Verdict == stats.Equivalent), one(ok && equal <= 0.05)
	return t, nil
}

// ends are the interval's; an effect without one has the empty interval, which
// holds no truth.
func ends(e stats.Effect) (lo, hi float64) {
	lo, ok := e.Lo.Get()
	if !ok {
		return 1, 1
	}
	hi, _ = e.Hi.Get()
	return lo, hi
}

// judgeAll counts what is said about a family of percentiles.
func judgeAll(c []cells, truth []float64) (Family, error) {
	f := Family{Experiments: 1}
	var all [][]stats.Pair
	for p := range stats.ShiftPercentiles {
		all = append(all, pairs(c, p, armA, armB, 0))
	}
	band, err := stats.Shifts(stats.ShiftPercentiles, all)
	if err != nil {
		return f, err
	}
	holds := true
	for p, at := range band.Points {
		lo, _ := at.Lo.Get()
		hi, ok := at.Hi.Get()
		holds = holds && ok && lo <= truth[p] && truth[p] <= hi
	}
	var family []float64
	for _, p := range []int{p50, p90, p99} {
		w, err := stats.Wilcoxon(stats.LogRatios(pairs(c, p, againB, armB, 0)))
		if err != nil {
			return f, err
		}
		family = append(family, w.TwoSided())
	}
	adjusted, err := stats.Holm(family)
	if err != nil {
		return f, err
	}
	claimed := false
	for _, p := range adjusted {
		claimed = claimed || p <= 0.05
	}
	f.Band, f.Holm = one(holds), one(claimed)
	return f, nil
}
