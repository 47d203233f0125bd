/** Everything secret that has passed between the program and WHOOP in this test file. */
export const secrets = new Set<string>()
