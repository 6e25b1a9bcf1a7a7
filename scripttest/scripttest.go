// Package scripttest runs the tests of scripts: mocks, worlds and the enumeration of faults.
package scripttest
