package workloads

import "math/bits"

// golden is 2^64 divided by the golden ratio, the stride of SplitMix64 (Steele,
// Lea, Flood, OOPSLA 2014): its output at any index needs no state.
const golden = 0x9e3779b97f4a7c15

// mix is the finaliser of SplitMix64: a bijection of 64 bits.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// draw is the i-th number of the stream that a seed names.
func draw(seed uint64, i int64) uint64 { return mix(seed + golden*(uint64(i)+1)) }

// Dimension derives the seed of one dimension of randomness from the seed of
// the experiment (FNV-1a of the name, mixed), so that dimensions are
// independent and one can be changed alone.
func Dimension(seed uint64, name string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(name); i++ {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return mix(mix(seed+golden) ^ h)
}

// below maps a draw to [0, n) by its high bits (Lemire 2019 without the
// rejection step: the bias is n/2^64).
func below(x uint64, n int) int {
	hi, _ := bits.Mul64(x, uint64(n))
	return int(hi)
}

// unit maps a draw to [0, 1) with 53 bits.
func unit(x uint64) float64 { return float64(x>>11) / (1 << 53) }
