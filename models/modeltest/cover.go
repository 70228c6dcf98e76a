package modeltest

// Choice is a name and the values that it can have.
type Choice struct {
	Name   string
	Values []string
}

// Cover is a few combinations of all choices in which every two values of
// different choices meet that meet in any combination allowed. It is greedy: of
// all combinations the next one is the first with the most pairs that are new.
// The same choices give the same answer.
func Cover(choices []Choice, allowed func(value map[string]string) bool) []map[string]string {
	all := combinations(choices, allowed)
	met := map[[4]string]bool{}
	var out []map[string]string
	for {
		var best map[string]string
		most := 0
		for _, c := range all {
			n := 0
			eachPair(choices, c, func(p [4]string) {
				if !met[p] {
					n++
				}
			})
			if n > most {
				best, most = c, n
			}
		}
		if best == nil {
			return out
		}
		eachPair(choices, best, func(p [4]string) { met[p] = true })
		out = append(out, best)
	}
}

// combinations are all that are allowed, the last choice changing fastest.
func combinations(choices []Choice, allowed func(map[string]string) bool) []map[string]string {
	indexes := make([]int, len(choices))
	var out []map[string]string
	for {
		c := make(map[string]string, len(choices))
		for i, n := range indexes {
			c[choices[i].Name] = choices[i].Values[n]
		}
		if allowed(c) {
			out = append(out, c)
		}
		i := len(indexes) - 1
		for ; i >= 0; i-- {
			if indexes[i]++; indexes[i] < len(choices[i].Values) {
				break
			}
			indexes[i] = 0
		}
		if i < 0 {
			return out
		}
	}
}

func eachPair(choices []Choice, c map[string]string, f func([4]string)) {
	for i, a := range choices {
		for _, b := range choices[i+1:] {
			f([4]string{a.Name, c[a.Name], b.Name, c[b.Name]})
		}
	}
}

// Points are a model at the combinations, in the order of the choices.
func Points(model string, choices []Choice, at []map[string]string) []Point {
	points := make([]Point, len(at))
	for i, c := range at {
		points[i].Model = model
		for _, choice := range choices {
			points[i].Set = append(points[i].Set, choice.Name, c[choice.Name])
		}
	}
	return points
}
