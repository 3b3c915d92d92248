/** `interview-start` as the platform runs it: the handler with the settings of this project. */

import { readEnvironment } from "../_shared/environment.ts";
import { makeHandler } from "./handler.ts";

Deno.serve(makeHandler(readEnvironment((name) => Deno.env.get(name))));
