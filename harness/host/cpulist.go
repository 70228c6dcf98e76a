package host

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// maxCPU bounds CPU numbers in lists: the size of the kernel's cpu_set_t.
const maxCPU = 1024

// ParseCPUs reads the kernel's list format, such as "0-3,6". The result is
// sorted and has no doubles; the error names the piece that does not parse.
func ParseCPUs(list string) ([]int, error) {
	list = strings.TrimSpace(list)
	if list == "" {
		return nil, nil
	}
	var out []int
	for _, piece := range strings.Split(list, ",") {
		lo, hi, isRange := strings.Cut(piece, "-")
		first, err := strconv.Atoi(strings.TrimSpace(lo))
		last := first
		if err == nil && isRange {
			last, err = strconv.Atoi(strings.TrimSpace(hi))
		}
		if err != nil || first < 0 || last < first || last >= maxCPU {
			return nil, fmt.Errorf("CPU list %q: %q is not a CPU or a range such as 0-3", list, piece)
		}
		for c := first; c <= last; c++ {
			out = append(out, c)
		}
	}
	sort.Ints(out)
	return compact(out), nil
}

// FormatCPUs writes CPUs in the kernel's list format.
func FormatCPUs(cpus []int) string {
	sorted := append([]int(nil), cpus...)
	sort.Ints(sorted)
	sorted = compact(sorted)
	var b strings.Builder
	for i := 0; i < len(sorted); {
		j := i
		for j+1 < len(sorted) && sorted[j+1] == sorted[j]+1 {
			j++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(sorted[i]))
		if j > i {
			b.WriteString("-" + strconv.Itoa(sorted[j]))
		}
		i = j + 1
	}
	return b.String()
}

func compact(sorted []int) []int {
	out := sorted[:0]
	for i, c := range sorted {
		if i == 0 || c != sorted[i-1] {
			out = append(out, c)
		}
	}
	return out
}

// Subset reports whether every CPU of part is in whole.
func Subset(part, whole []int) bool {
	return len(minus(part, whole)) == 0
}

// minus returns the CPUs of a that are not in b, in a's order.
func minus(a, b []int) []int {
	in := make(map[int]bool, len(b))
	for _, c := range b {
		in[c] = true
	}
	var out []int
	for _, c := range a {
		if !in[c] {
			out = append(out, c)
		}
	}
	return out
}
