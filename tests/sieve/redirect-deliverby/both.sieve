require "redirect-deliverby"; redirect :bytimerelative 1 :bytimeabsolute "2030-12-24T18:00:00Z" "a@example.net";
