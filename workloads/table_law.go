package workloads

import "slices"

// arrivalKeys documents a law of arrivals.
func arrivalKeys(path string) []Key {
	one := func(k Key) Key { k.Path = path + "." + k.Path; return k }
	phase := func(name, doc string) Key {
		return one(Key{Path: name, Kind: Duration, Needed: true, Min: float64(minPhase), Max: float64(maxPhase), Doc: doc})
	}
	gaps := func(law string) Key {
		return one(Key{
			Path: law + ".gaps", Kind: Word, Words: []string{Poisson, Constant}, Default: Poisson,
			Doc: "The law of the gaps while the rate stays the same: exponential or all alike.",
		})
	}
	shaped := func(law, doc, even string) []Key {
		return []Key{
			one(Key{Path: law, Kind: Mapping, Doc: doc}),
			one(Key{
				Path: law + ".shape", Kind: Number, Min: minGapShape, Max: maxGapShape, Needed: true, Unit: "shape",
				Doc: "The law's shape: 1 is the exponential law, less is burstier, more is more even; " + even + ".",
			}),
		}
	}
	return slices.Concat([]Key{
		{
			Path: path, Kind: Word, Words: []string{Poisson, Constant}, Default: Poisson, OneOf: true, See: []string{"loads.kind"},
			Doc: "The law of the requests' times: exponential gaps, gaps all alike or of another law, or a rate that moves around the load's. A closed loop has no arrivals.",
		},
	}, shaped(Gamma, "Gaps of a gamma law whose mean is the load's.", "the squared coefficient of variation is 1/shape"),
		shaped(Weibull, "Gaps of a Weibull law whose mean is the load's.", "below 1 the tail is heavier than exponential"), []Key{
			one(Key{Path: Bursts, Kind: Mapping, Doc: "Requests arrive for a while and then none do, in turn; on average at the load's rate."}),
			phase("bursts.on", "How long a burst is; the first begins with the warm-up."),
			phase("bursts.off", "How long nothing arrives after it."),
			gaps(Bursts),
			one(Key{Path: MMPP, Kind: Mapping, Doc: "A Markov-modulated Poisson process of two states, on average at the load's rate: bursts of random length."}),
			phase("mmpp.high", "The mean stay, exponentially distributed, at the higher rate."),
			phase("mmpp.low", "The mean stay, exponentially distributed, at the lower rate."),
			one(Key{
				Path: "mmpp.ratio", Kind: Number, Min: 1, Max: maxRatio, Needed: true, Unit: "higher rate over lower",
				Doc: "How many times the lower rate the higher one is.",
			}),
			one(Key{Path: Ramp, Kind: Mapping, Doc: "A rate that moves in a straight line from the start of the warm-up on, and then stays."}),
			one(Key{Path: "ramp.from", Kind: Number, Max: maxFactor, Needed: true, Unit: "times the load's rate", Doc: "The rate at the start."}),
			one(Key{Path: "ramp.to", Kind: Number, Min: minRampTo, Max: maxFactor, Needed: true, Unit: "times the load's rate", Doc: "The rate at the end."}),
			phase("ramp.over", "How long the rate moves."),
			gaps(Ramp),
			one(Key{Path: Sine, Kind: Mapping, Doc: "A rate that swings around the load's, upward first."}),
			one(Key{
				Path: "sine.amplitude", Kind: Number, Max: maxAmplitude, Needed: true, Unit: "times the load's rate",
				Doc: "How far the rate swings; with 1 it touches 0.",
			}),
			phase("sine.period", "How long one swing up and down takes."),
			gaps(Sine),
			one(Key{Path: Phases, Kind: Mapping, Doc: "One rate after the other from the start of the measured window on; during the warm-up and after the last the rate is the load's."}),
			one(Key{Path: "phases.steps", Kind: Mapping, Count: List, Needed: true, Doc: "The phases in their order, at most 1,000."}),
			phase("phases.steps.*.for", "How long the phase is."),
			one(Key{
				Path: "phases.steps.*.rate", Kind: Number, Max: maxFactor, Needed: true, Unit: "times the load's rate",
				Doc: "The rate in this phase; with 0 nothing arrives.",
			}),
			gaps(Phases),
			one(Key{
				Path: Trace, Kind: Text,
				Doc: "A file of recorded arrivals, named from the experiment file's directory: a time in seconds a line, in order, at most 100,000, # starts a comment. They are stretched to the load's rate and repeated one mean gap after the last.",
			}),
		})
}

// choiceKeys documents how requests are spread over partitions and connections.
func choiceKeys() []Key {
	keys := func(path, def, doc, what string) []Key {
		path = "workloads.*." + path
		return []Key{
			{Path: path, Kind: Word, Words: []string{None, RoundRobin, Uniform}, Default: def, OneOf: true, Doc: doc},
			{
				Path: path + ".zipf", Kind: Number, Min: minZipf, Max: maxZipf, Unit: "exponent",
				Doc: "The exponent of Zipf's law over the " + what + ": the larger, the more goes to the hottest.",
			},
			{Path: path + ".hotspot", Kind: Mapping, Doc: "A share of the " + what + " gets a share of the requests; within it and beside it all are alike."},
			{
				Path: path + ".hotspot.of", Kind: Number, Min: 0.0001, Max: 1, Needed: true, Unit: "share of the " + what,
				Doc: "How many are hot, rounded, at least one. Which ones is drawn from the seed.",
			},
			{
				Path: path + ".hotspot.load", Kind: Number, Min: 0.0001, Max: 1, Needed: true, Unit: "share of the requests",
				Doc: "What share of the requests the hot ones get.",
			},
		}
	}
	return append(
		keys("keys", None, "How batches are spread over partitions: drawn alike and without a key (none), in turn, drawn alike, or unevenly with a key.", "partitions"),
		keys("connection", RoundRobin, "How requests are spread over connections: in turn, drawn alike (none and uniform), or unevenly; over those that carry the request's partition, where others do not.", "connections")...,
	)
}

// sizeKeys documents the law of record sizes.
func sizeKeys() []Key {
	one := func(k Key) Key { k.Path = "workloads.*.size" + k.Path; return k }
	size := func(path, doc string) Key {
		return one(Key{Path: path, Kind: Size, Min: 1, Max: maxBatchBytes, Needed: true, Doc: doc})
	}
	return []Key{
		one(Key{
			Kind: Size, Min: 1, Max: maxBatchBytes, Needed: true, OneOf: true,
			Doc: "The size of each record's value: one size, or a law.", See: []string{"workloads.*.records_per_batch"},
		}),
		one(Key{Path: ".lognormal", Kind: Mapping, Doc: "Sizes by a log-normal law, cut off at the largest."}),
		size(".lognormal.median", "The median size."),
		one(Key{
			Path: ".lognormal.sigma", Kind: Number, Min: 0.001, Max: 5, Needed: true, Unit: "standard deviation of the logarithm",
			Doc: "The spread: about two thirds of the sizes lie within a factor of exp(sigma) of the median.",
		}),
		one(Key{
			Path: ".lognormal.max", Kind: Size, Min: 1, Max: maxBatchBytes, Needed: true,
			Doc: "The largest size, at least the median.", See: []string{"workloads.*.size.lognormal.median"},
		}),
		one(Key{Path: ".uniform", Kind: Mapping, Doc: "Every size between two, all alike."}),
		size(".uniform.min", "The smallest size."),
		size(".uniform.max", "The largest size, at least the smallest."),
		one(Key{Path: ".bimodal", Kind: Mapping, Doc: "Two sizes."}),
		size(".bimodal.small", "The smaller size."),
		size(".bimodal.large", "The larger size, at least the smaller."),
		one(Key{
			Path: ".bimodal.large_share", Kind: Number, Min: 0.0001, Max: 0.9999, Needed: true, Unit: "share of the records",
			Doc: "How many of the records have the larger size.",
		}),
		one(Key{
			Path: ".values", Kind: Size, Count: List, Min: 1, Max: maxBatchBytes,
			Doc: "Sizes that were observed, at most 10,000, each as likely as the others; one that is listed twice is twice as likely.",
		}),
	}
}
