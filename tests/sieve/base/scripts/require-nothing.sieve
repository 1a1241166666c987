require []; keep;
