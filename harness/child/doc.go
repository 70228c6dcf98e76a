// Package child starts the two sides of a measurement, the broker and the load
// generator, as processes of this same binary: bound to their CPUs before their
// first instruction, with their output kept, and never outliving the harness.
package child
