package workloads

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Find lists the keys that a reader means: by the path, by the place that an
// error names (workloads[0].size), or by the end of either, at least the last
// part of a key.
func Find(name string) []*Key {
	name = pattern(strings.TrimSpace(name))
	var out []*Key
	all := Keys()
	for i := range all {
		k := &all[i]
		if len(name) >= len(k.Last) && strings.HasSuffix("."+k.Path, "."+name) {
			out = append(out, k)
		}
	}
	return out
}

// Nearest lists up to three names of keys that a misspelt one may have meant,
// the nearest first.
func Nearest(name string) []string {
	name = pattern(strings.ToLower(strings.TrimSpace(name)))
	type guess struct {
		name string
		away int
	}
	var guesses []guess
	all := Keys()
	for i := range all {
		known := all[i].Last
		if path := all[i].Path; distance(name, path) < distance(name, known) {
			known = path
		}
		away := distance(name, known)
		if len(name) >= 4 && strings.Contains(known, name) {
			away = min(away, 2)
		}
		if away > max(2, len(name)/3) || slices.Contains(guesses, guess{known, away}) {
			continue
		}
		guesses = append(guesses, guess{known, away})
	}
	slices.SortStableFunc(guesses, func(a, b guess) int { return cmp.Compare(a.away, b.away) })
	var out []string
	for _, g := range guesses[:min(3, len(guesses))] {
		out = append(out, g.name)
	}
	return out
}

// distance is Levenshtein's: how many bytes to insert, delete or change.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			here := diagonal
			if a[i] != b[j] {
				here = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], here
		}
	}
	return row[len(b)]
}

// Takes says in words what a key accepts.
func (k *Key) Takes() string {
	one := k.takesOne()
	switch k.Count {
	case List:
		return "a list, each " + one
	case OneOrList:
		return fmt.Sprintf("%s, or a list of at most %d different ones", one, maxValues)
	}
	return one
}

func (k *Key) takesOne() string {
	var forms []string
	between := func(write func(float64) string) string {
		if k.Max >= math.MaxInt64 {
			return " of at least " + write(k.Min)
		}
		return " from " + write(k.Min) + " to " + write(k.Max)
	}
	switch k.Kind {
	case Name:
		forms = append(forms, "a name")
	case Text:
		forms = append(forms, "text")
	case Integer:
		forms = append(forms, "an integer"+between(func(v float64) string { return strconv.FormatInt(int64(v), 10) }))
	case Number:
		forms = append(forms, "a number"+between(func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }))
	case Switch:
		forms = append(forms, "true or false")
	case Size:
		forms = append(forms, "a size such as 64KiB"+between(writeSize))
	case Duration:
		forms = append(forms, "a duration such as 500ms"+between(func(v float64) string { return writeDuration(time.Duration(v)) }))
	case Setting:
		forms = append(forms, "the value of a factor or setting")
	case CPUs:
		forms = append(forms, "a list of CPUs such as 0-1,4")
	}
	if k.Unit != "" && len(forms) > 0 {
		forms[0] += " (" + k.Unit + ")"
	}
	forms = append(forms, k.Words...)
	if len(k.Children()) > 0 {
		forms = append(forms, "a mapping")
	}
	return strings.Join(forms, " | ")
}

// writeSize writes bytes as an experiment file would.
func writeSize(bytes float64) string {
	best := units[len(units)-1] // B
	for _, u := range units {
		if v := int64(bytes); u.bytes > best.bytes && v >= u.bytes && v%u.bytes == 0 {
			best = u
		}
	}
	return strconv.FormatInt(int64(bytes)/best.bytes, 10) + best.suffix
}

// writeDuration leaves out the zero minutes and seconds of Go's form.
func writeDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
