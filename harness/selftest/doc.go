// Package selftest breaks a broker on purpose, by a known amount, and demands to
// see exactly that amount: an instrument that has never been seen to find a fault
// proves nothing when it finds none.
//
//	stall      every thread that talks to clients stands still for L. At λ requests
//	           a second, due at equal steps, λ·L of them are late, by times spread
//	           evenly over 0..L. A closed loop has one request under way and sees
//	           one late answer: it hides what the response time shows.
//	slowdown   every request takes D of CPU time more. Response time and CPU time
//	           per request have to grow by D.
//
// What is demanded is fixed here, before anything runs.
package selftest
