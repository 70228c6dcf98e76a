package host

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseCPUs(t *testing.T) {
	cases := []struct {
		in   string
		want []int
		bad  string // part of the error
	}{
		{in: "", want: nil},
		{in: "0", want: []int{0}},
		{in: "0-3,6\n", want: []int{0, 1, 2, 3, 6}},
		{in: "6,1-2,2", want: []int{1, 2, 6}},
		{in: "3-1", bad: `"3-1"`},
		{in: "a", bad: `"a"`},
		{in: "1,,2", bad: `""`},
		{in: "-1", bad: `"-1"`},
		{in: "0-99999999", bad: `"0-99999999"`},
	}
	for _, c := range cases {
		got, err := ParseCPUs(c.in)
		if c.bad != "" {
			if err == nil || !strings.Contains(err.Error(), c.bad) {
				t.Errorf("ParseCPUs(%q): error %v, want one naming %s", c.in, err, c.bad)
			}
			continue
		}
		if err != nil || !cmp.Equal(got, c.want) {
			t.Errorf("ParseCPUs(%q) = %v, %v, want %v", c.in, got, err, c.want)
		}
	}
}

func TestFormatCPUs(t *testing.T) {
	for want, in := range map[string][]int{"": nil, "0": {0}, "0-3,6": {6, 0, 1, 3, 2, 2}, "1,3": {3, 1}} {
		if got := FormatCPUs(in); got != want {
			t.Errorf("FormatCPUs(%v) = %q, want %q", in, got, want)
		}
	}
}

func TestSplit(t *testing.T) {
	smt := map[int][]int{0: {0, 4}, 1: {1, 5}, 2: {2, 6}, 3: {3, 7}, 4: {0, 4}, 5: {1, 5}, 6: {2, 6}, 7: {3, 7}}
	cases := []struct {
		name              string
		broker, generator string
		allowed           []int
		irq               int
		siblings          map[int][]int
		wantB, wantG      string
		shared            bool
		bad               string
	}{
		{name: "two CPUs, disk on the second", allowed: []int{0, 1}, irq: 1, wantB: "1", wantG: "0"},
		{name: "two CPUs, disk unknown", allowed: []int{0, 1}, irq: -1, wantB: "0", wantG: "1"},
		{name: "one CPU", allowed: []int{3}, irq: 3, wantB: "3", wantG: "3", shared: true},
		{name: "whole cores", allowed: []int{0, 1, 2, 3, 4, 5, 6, 7}, irq: 7, siblings: smt, wantB: "1,3,5,7", wantG: "0,2,4,6"},
		{name: "three CPUs", allowed: []int{0, 1, 2}, irq: 0, wantB: "0-1", wantG: "2"},
		{name: "two threads of one core", allowed: []int{0, 4}, irq: 4, siblings: smt, wantB: "4", wantG: "0"},
		{name: "a disk on a CPU that is not ours", allowed: []int{0, 1}, irq: 7, wantB: "0", wantG: "1"},
		{name: "broker given", broker: "0-1", allowed: []int{0, 1, 2, 3}, irq: -1, wantB: "0-1", wantG: "2-3"},
		{name: "generator given", generator: "0", allowed: []int{0, 1, 2, 3}, irq: -1, wantB: "1-3", wantG: "0"},
		{name: "both given, overlapping", broker: "0-1", generator: "1", allowed: []int{0, 1}, irq: -1, wantB: "0-1", wantG: "1", shared: true},
		{name: "nothing left", broker: "0-1", allowed: []int{0, 1}, irq: -1, bad: "leave one side without"},
		{name: "not ours", broker: "9", allowed: []int{0, 1}, irq: -1, bad: "host.broker_cpus: CPU 9"},
		{name: "not a list", generator: "x", allowed: []int{0, 1}, irq: -1, bad: "host.generator_cpus"},
		{name: "no CPU at all", irq: -1, bad: "may use no CPU"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := Split(c.broker, c.generator, c.allowed, c.irq, c.siblings)
			if c.bad != "" {
				if err == nil || !strings.Contains(err.Error(), c.bad) {
					t.Fatalf("error %v, want one saying %q", err, c.bad)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if b, g := FormatCPUs(p.Broker), FormatCPUs(p.Generator); b != c.wantB || g != c.wantG || p.Shared != c.shared {
				t.Errorf("broker %s, generator %s, shared %v; want %s, %s, %v (%s)", b, g, p.Shared, c.wantB, c.wantG, c.shared, p.Why)
			}
		})
	}
}
