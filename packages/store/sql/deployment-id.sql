SELECT value FROM installation WHERE name = 'deployment_id';
