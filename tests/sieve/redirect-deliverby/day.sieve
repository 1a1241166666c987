require "redirect-deliverby"; redirect :bytimeabsolute "2030-02-29T18:00:00Z" "a@example.net";
