// Package selftest breaks a broker on purpose, by a known amount, and demands to
// see exactly that amount: an instrument that has never been seen to find a fault
// proves nothing when it finds none.
//
//	stall      every thread that talks to clients stands still for L. At λ requests
//	           a second, due at equal steps, λ·L of them are late, by times spread
//	           evenly over 0..L. When the broker goes on, its first answers leave a
//	           little later, by what its backlog takes: e, by which all of them are
//	           later, and λ·e more are late. A closed loop has one request under way
//	           and sees one late answer: it hides what the response time shows.
//	slowdown   every request takes D of CPU time more. Response time and CPU time
//	           per request have to grow by D.
//
// What is demanded is fixed here, before anything runs. Above every time x between
// the threshold and L at least λ·(L−x) requests have to be found: an instrument
// that leaves waits out fails on any machine, however busy. That no more is found
// can be demanded of an idle machine only.
package selftest
